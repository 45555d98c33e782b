#pragma once

#include "ir/graph/graph.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// Puts the body of a loop of one turn in its place, so that what comes of it can be used, sent to other ranks
// say, while the rest of it goes on.
//   needs   ops in kernels: what these compute does not depend on where they stand
//   leaves  no loop of one turn
//
//   func @body(%sum, %x: f32[4])
//     %0 = kernel %sum, %x                     %0 = reshape %xs
//     return carry=%0                          %1 = kernel %begin, %0
//   %1 = scan %begin, %xs {length=1,...}
void open_loops(graph::Module& module, const Arguments& arguments = {});

}  // namespace sinter::passes
