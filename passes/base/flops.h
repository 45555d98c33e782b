#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Operations that a primitive takes: one for each element that is computed or reduced, two for each product
// of a contraction. Of what moves, none.
double flops(const graph::Op& op);
// Bytes of its operands and results.
int64_t bytes_of(const graph::Op& op);

}  // namespace sinter::passes
