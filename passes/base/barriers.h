#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Barriers stand before work that is repeated: it comes after all that they hold, and is nobody's copy.
// Fusion finds what they hold in memory.

// The value that barriers pass on.
graph::Value before_barriers(graph::Value value);

// Leaves in each barrier what lies in memory: views of that are taken behind it, and what is made of nothing
// is. State and outputs are written before.
void settle_barriers(graph::Function& function);

// Of a function whose kernels stand in the order in which they run.
void remove_barriers(graph::Function& function);

}  // namespace sinter::passes
