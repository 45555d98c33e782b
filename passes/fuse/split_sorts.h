#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Sorts rows that are longer than what one unit of work sorts in runs, which are then merged two by two: so
// many units have a part of each step, and all of them take n log n together.
//
//   %1, %2 = sort %x      =>      %1, %2 = sort %x {run=1024}
//                                 %3, %4 = sort %1, %2 {run=2048}      // merges
//                                 %5, %6 = sort %3, %4 {run=4096}
void split_sorts(graph::Module& module, graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
