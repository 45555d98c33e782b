#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/target.h"
#include "passes/options.h"

namespace sinter::passes {

// What of a function, and of those it runs, is not made as well as there is a way to, each with its op, its
// source line and the reason:
//   - attention that is no kernel of its own: a softmax with contractions before and behind it, its scores
//     stored
//   - a product whose operands are not staged in tiles, on a machine with fast shared memory, though its sums
//     are long enough for it
std::vector<std::string> fallbacks(const graph::Module& module, std::string_view function,
                                   const loop::Target& target, const Options& options);

}  // namespace sinter::passes
