#pragma once

#include "ir/error.h"
#include "ir/graph/graph.h"

namespace sinter::graph {

// An op that does not hold up. The op lives as long as its module.
class InvalidOp : public GraphError {
 public:
  InvalidOp(const Op& op, const std::string& message) : GraphError(message), op_(&op) {}
  const Op& op() const { return *op_; }

 private:
  const Op* op_;
};

// Throws GraphError (InvalidOp where one op is at fault) that names the op, its location and what does not
// hold: operands made before their use and in the same function, operand counts, attributes present and of
// their types, result types as inferred, names unique, functions and state that exist, kernel bodies that
// fit, no recursion, one write of a state in a function at most.
void verify(const Module& module);

// Whether a value only says what comes after what ranks have made together: the last result of a collective.
bool is_order_of_ranks(Value value);

}  // namespace sinter::graph
