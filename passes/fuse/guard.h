#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Puts a check_index on the indices of every gather and scatter_add, and makes the users of checks read what
// was checked: the checks stand alone, and kernels clamp the indices they use. What is known to be in range,
// a table or a count, is not checked. Barriers hold what lies in memory from here on.
void guard(graph::Function& function);

}  // namespace sinter::passes
