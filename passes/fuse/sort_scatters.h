#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Sorts what is scattered by row, so that each row of the table finds its updates side by side instead of
// looking at all of them. Positions of the same row keep their order. For machines with workgroups, where the
// table is large beside the number of positions, and for GPUs where comparing them takes less than looking.
//
//   %1 = scatter_add %base, %rows, %updates {axis=0}   =>   %1, %2 = ...              // order, sorted rows
//                                                           %3 = gather %updates, %1 {axis=0}
//                                                           %4 = scatter_add %base, %2, %3 {axis=0,
//                                                           sorted=true}
void sort_scatters(graph::Module& module, graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
