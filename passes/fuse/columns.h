#pragma once

#include "passes/fuse/groups.h"

namespace sinter::passes {

// Sums over the rows of what a kernel goes through row by row (gradients of scales and biases): its units
// each sum the columns of a block of rows, and a small kernel adds these.
//
//   %1 = reduce_sum %0 {axes=[0]}    =>    %1 = reshape %0 {shape=[16,48,128]}    // %0: f32[768,128]
//                                          %2 = reduce_sum %1 {axes=[1]}          // joins the rows' kernel
//                                          %3 = reduce_sum %2 {axes=[0]}

// Splits sums so where rows of the same elements are reduced too, and moves them behind what does not need
// them.
void split_columns(graph::Module& module, graph::Function& function);

// Whether the kernel of `group`, a reduction of rows, can make `op`, a sum of the columns of blocks of them.
bool takes_columns(const Group& group, const graph::Op& op);

}  // namespace sinter::passes
