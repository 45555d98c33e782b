#pragma once

#include <functional>
#include <string>

#include "ir/graph/graph.h"

namespace sinter::tools {

// A smaller module that is still wrong: without runs of ops, with fewer results, ops cut off or left out,
// constants and extents made small, as long as `is_wrong` holds and there is something to try. `function` is
// the one that is run: its parameters and results may become others; integers that it takes anew are called
// so that the program generator draws them from [0, 2).
graph::Module shrunk(const graph::Module& module, const std::string& function,
                     const std::function<bool(const graph::Module&)>& is_wrong);

// The ops of all functions, parameters and constants among them.
int64_t count_ops(const graph::Module& module);

}  // namespace sinter::tools
