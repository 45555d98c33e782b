#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Whether result `result` of a kernel may be written over operand `operand`: every element of the operand is
// read only by the iteration that writes the result's element at the same position.
bool may_overwrite(const graph::Op& kernel, size_t operand, size_t result);

// The kernel, or the one in it, that makes this result by putting a block into one of its operands, which it
// reads nowhere else: written over that operand, only the block has to be. Null where there is none.
graph::Op* update_in_place(graph::Op& kernel, size_t result);

}  // namespace sinter::passes
