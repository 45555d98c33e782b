#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Lets each op by itself keep to what a kernel on the target may bind. Sources and views are part of the
// kernel that reads them: where a value comes from too many tensors, what it comes from is copied into one
// first. Of a concatenation, runs of operands are; the starts of a dynamic slice become one tensor.
//
//   %1 = concat %a, %b, %c, %d, %e {axis=0}         %1 = kernel %a, %b, %c {anchor="map"} (... concat ...)
//   %2 = add %1, %x                          =>     %2 = kernel %d, %e {anchor="map"} (... concat ...)
//                                                   %3 = concat %1, %2 {axis=0}
//                                                   %4 = add %3, %x
void fit_bindings(graph::Module& module, graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
