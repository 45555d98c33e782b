#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Contractions with a long sum and a small result, such as gradients of weights, become a batch of shorter
// ones whose results are added up, in a fixed order: a machine with many multiprocessors has work for all of
// them. So do reductions to few results, such as gradients of biases, means and norms. How many parts there
// are depends on shapes and the target, by the same estimates as the tiles and workgroups of their schedules.
//
//   %1 = contract %x, %y {dims="ki,kj->ij"}   =>   %1 = reshape %x {shape=[4,512,64]}     // %x: f32[2048,64]
//                                                  %2 = reshape %y {shape=[4,512,64]}
//                                                  %3 = contract %1, %2 {dims="aki,akj->aij"}
//                                                  %4 = reduce_sum %3 {axes=[0]}
//
//   %1 = reduce_sum %x {axes=[0]}             =>   %1 = reshape %x {shape=[8,512,64]}     // %x: f32[4096,64]
//                                                  %2 = reduce_sum %1 {axes=[1]}
//                                                  %3 = reduce_sum %2 {axes=[0]}
void split_sums(graph::Module& module, graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
