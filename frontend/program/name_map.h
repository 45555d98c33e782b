#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sinter {

// What `name` becomes: none where it is not of the pattern, in which each `*` stands for any characters, as
// few as will do from the left; else `into` with what they stood for, in turn.
std::optional<std::string> mapped_name(std::string_view name, std::string_view pattern,
                                       std::string_view into);

}  // namespace sinter
