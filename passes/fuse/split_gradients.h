#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Where a kernel makes attention's gradients of queries, keys and values together and has fewer heads than
// the target has threads: makes those of the queries in a kernel of their own. That one can cut the queries,
// the other one the keys, for seven products of the scores' size where there were five. What each adds up,
// and in which order, stays.
//
//   %1, %2, %3 = kernel ... {anchor="attention_backward", gradients=[0,1,2]}
// =>
//   %1 = kernel ... {anchor="attention_backward", gradients=[0]}
//   %2, %3 = kernel ... {anchor="attention_backward", gradients=[1,2]}
void split_gradients(graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
