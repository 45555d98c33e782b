#pragma once

#include "ir/graph/graph.h"

namespace sinter::graph {

// Throws GraphError, without a location, where an attribute of `code` is missing, has another type than
// ir/graph/attributes.def says, or is not in that table.
void check_attributes(OpCode code, const Attributes& attributes);

}  // namespace sinter::graph
