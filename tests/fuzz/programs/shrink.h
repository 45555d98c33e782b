#pragma once

#include <functional>

#include "ir/graph/graph.h"

namespace sinter::fuzz {

// A smaller module that is still wrong: with fewer results, ops cut off or left out, constants and extents
// made small, as long as `is_wrong` holds and there is something to try.
graph::Module shrunk(const graph::Module& module, const std::function<bool(const graph::Module&)>& is_wrong);

}  // namespace sinter::fuzz
