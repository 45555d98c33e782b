#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Replaces what no schedule computes by ops that one does: argmax by the least position of the greatest
// element, a reduction of bools by one of integers. A concatenation whose elements come, through views, from
// very many places becomes a kernel.
void legalize(graph::Module& module, graph::Function& function);

}  // namespace sinter::passes
