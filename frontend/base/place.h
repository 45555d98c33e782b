#pragma once

#include <source_location>
#include <string>
#include <string_view>

#include "ir/graph/graph.h"

namespace sinter {

// The place in the user's source, without the folders; none for a default-made `where`.
graph::Location place_of(const std::source_location& where, std::string scope = "");
// Where the file of such a place lies, of those this process has made places in, as the compiler was told; ""
// where two files are called so. The name itself where there was none.
std::string path_of(const std::string& file);
// Throws Error "what: message (file:line, in scope)".
[[noreturn]] void fail_at(std::string_view what, std::string_view message, const graph::Location& place);

}  // namespace sinter
