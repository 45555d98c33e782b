#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Whether an element of the op's result costs a polynomial: ten instructions and more.
bool is_transcendental(graph::OpCode code);

}  // namespace sinter::passes
