#pragma once

#include <cstdint>
#include <span>

#include "ir/loop/expr.h"

// What scalar operations compute, on single values: constant folding and the interpreter use it, and
// docs/graph_ir.md says it in words.
namespace sinter::loop {

// Integers and booleans are held in `integer`, floating values in `number`, an f32 as the double it equals.
struct Scalar {
  int64_t integer = 0;
  double number = 0;
};

// `operand` is the type of the last operand. Not for lane_sum and its like, which need all lanes.
Scalar evaluate(ScalarOp op, Type operand, Type result, std::span<const Scalar> args);
Scalar evaluate_cast(Scalar x, Type from, Type to);
Scalar evaluate_bitcast(Scalar x, Type from);

}  // namespace sinter::loop
