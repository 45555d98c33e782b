#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Replaces what no schedule computes by ops that one does: argmax by the least position of the greatest
// element, a reduction of bools by one of integers. And what would make code longer than the program, by ops
// whose code is not: a sum of wide windows by a reduction, a concatenation of very many parts by one of
// concatenations, views that lie deep or lead to many places in memory by kernels that copy.
void legalize(graph::Module& module, graph::Function& function);

// A view as a kernel of its own that copies it, with the views that it reads.
graph::Value apart(graph::Function& function, const graph::Op& view);

}  // namespace sinter::passes
