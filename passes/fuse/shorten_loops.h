#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Iterations that a kernel takes beside those over what it adds up: of the results of a tile, of its tests.
inline constexpr int64_t kOtherIterations = 64;

// Cuts what one invocation would loop over for longer than the target allows into parts that several have,
// and puts their results together: as often as it takes.
//
//   %1 = reduce_sum %x {axes=[0]}         %1 = reshape %x {shape=[2,35000,4]}
//                                   =>    %2 = reduce_sum %1 {axes=[1]}
//                                         %3 = reduce_sum %2 {axes=[0]}
//
// A contraction is cut along what it sums, or is a sum over a part of it and one over the rest; a scatter
// adds one run of positions after the other, so in order; a cumsum is one of blocks, to which those before
// are added; top_k is one of what blocks have, or counts for each element those that come before it.
void shorten_loops(graph::Module& module, graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
