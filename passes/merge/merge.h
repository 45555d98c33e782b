#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// Puts kernels that do not depend on one another side by side in one kernel, with the anchor `together`: its
// body holds them as they are, and its units of work are theirs one after the other.
//
// Needs: a fused module.
// Leaves: fewer kernels. Merged are contractions that read the same operand (queries, keys and values; the
// gradients of their weights), a reduction of what a contraction multiplies (the gradients of a bias and a
// weight), and small kernels of any kind, where a launch costs more than the work. What writes state stays
// apart from what does not. On GPUs, whose launches wait for one another, kernels are dealt out to levels of
// launches, and larger ones are merged, and checks. Argument: "buffers=N", a limit other than the target's.
//
//   %3 = kernel %x, %wq {anchor="contract"} ...        %3, %4 = kernel %x, %wq, %wk {anchor="together"} (...)
//   { %4 = kernel %x, %wk {anchor="contract"} ...    =>    %0 = kernel %x, %wq {anchor="contract"} ...
//                                                        %1 = kernel %x, %wk {anchor="contract"} ...
//                                                        return %0, %1
//                                                      }
void merge(graph::Module& module, const Arguments& arguments, const loop::Target& target);

}  // namespace sinter::passes
