#pragma once

#include "ir/graph/graph.h"

namespace sinter::graph {

// Throws GraphError that names the op, its location and what does not hold: operands made before their use
// and in the same function, operand counts, attributes present and of their types, result types as inferred,
// names unique, functions and state that exist, kernel bodies that fit, no recursion, one write of a state in
// a function at most.
void verify(const Module& module);

}  // namespace sinter::graph
