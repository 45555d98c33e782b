#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Contractions with a long sum and a small result, such as gradients of weights, become a batch of shorter
// ones whose results are added up: a machine with many workgroups has work for all of them. How many depends
// on shapes alone.
//
//   %1 = contract %x, %y {dims="ki,kj->ij"}   =>   %1 = reshape %x {shape=[4,512,64]}     // %x: f32[2048,64]
//                                                  %2 = reshape %y {shape=[4,512,64]}
//                                                  %3 = contract %1, %2 {dims="aki,akj->aij"}
//                                                  %4 = reduce_sum %3 {axes=[0]}
void split_sums(graph::Module& module, graph::Function& function);

}  // namespace sinter::passes
