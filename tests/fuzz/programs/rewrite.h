#pragma once

#include "ir/graph/graph.h"
#include "tests/fuzz/programs/draw.h"

namespace sinter::fuzz {

// The module with values taken on detours that leave every element as it is (transposed and back, split and
// joined, zero added, one multiplied, reversed twice, behind a barrier, through a function), operands of what
// commutes exchanged, and parts of functions made functions, whose work is repeated in the backward pass.
graph::Module rewritten(const graph::Module& module, Draw& draw);

}  // namespace sinter::fuzz
