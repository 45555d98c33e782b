#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Writes into each kernel of a function how its loops are made: the first of its choices on the machine, or
// of kernels side by side the first that go together. One that has a choice keeps it.
//
//   kernel %x, %w {anchor="contract"}
//   =>  kernel %x, %w {anchor="contract", choice="contract.tiles rows=6 width=16 runs=1,4 unroll=4"}
void choose(graph::Function& function, const loop::Target& target);
void choose(graph::Op& kernel, const loop::Target& target);

}  // namespace sinter::passes
