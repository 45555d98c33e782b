#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/sources.h>

#include <numbers>

#include "frontend/ops/composite.h"
#include "frontend/trace/emit.h"

// What an op of the table computes that has a function of its name; the header declares it, or this does not
// compile.
#define SINTER_DEFINE_1(op)                    \
  sinter::Tensor sinter::op(Operand x) {       \
    return build_elementwise(OpCode::op, {x}); \
  }
#define SINTER_DEFINE_2(op)                             \
  sinter::Tensor sinter::op(Operand lhs, Operand rhs) { \
    return build_elementwise(OpCode::op, {lhs, rhs});   \
  }
#define SINTER_CALL_function(op, arity) SINTER_DEFINE_##arity(op)
#define SINTER_CALL_otherwise(op, arity)
#define SINTER_ELEMENTWISE(op, arity, domain, result, cost, order, call) SINTER_CALL_##call(op, arity)
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
#undef SINTER_CALL_otherwise
#undef SINTER_CALL_function
#undef SINTER_DEFINE_2
#undef SINTER_DEFINE_1

namespace sinter {
namespace {

bool is_whole(const Tensor& x) {
  return x.dtype() == i32 || x.dtype() == i64;
}

}  // namespace

Tensor square(Operand x) {
  return build_elementwise(OpCode::mul, {x, x});
}
Tensor maximum(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::max, {lhs, rhs});
}
Tensor minimum(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::min, {lhs, rhs});
}
Tensor clamp(Operand x, Operand low, Operand high) {
  return build_alike("clamp", {x, low, high},
                     [](Builder& b, const Values& v) { return b.min(b.max(v[0], v[1]), v[2]); });
}

Tensor where(Operand condition, Operand if_true, Operand if_false) {
  const std::source_location place = condition.where();
  Trace& trace = Trace::current("where", place);
  return built(trace, "where", [&] {
    const graph::Value chosen = resolve(trace, "where", condition, place);
    const Values values = resolve_alike(trace, "where", {if_true, if_false}, place);
    return trace.wrap(trace.builder(place).select(chosen, values[0], values[1]));
  });
}

Tensor tan(Operand x) {
  const Pin pin("tan", x.where());
  return sin(x) / cos(x);
}
Tensor asin(Operand x) {
  return composite("asin", {x});
}
Tensor acos(Operand x) {
  return composite("acos", {x});
}
Tensor atan(Operand x) {
  return composite("atan", {x});
}
Tensor sinh(Operand x) {
  return composite("sinh", {x});
}
Tensor cosh(Operand x) {
  return composite("cosh", {x});
}
Tensor asinh(Operand x) {
  return composite("asinh", {x});
}
Tensor acosh(Operand x) {
  return composite("acosh", {x});
}
Tensor atanh(Operand x) {
  return composite("atanh", {x});
}

// By the quotient that is at most 1: from the x axis, or from the y axis where y is larger.
Tensor atan2(Operand y, Operand x) {
  const Pin pin("atan2", y.where());
  // A number takes the type of the tensor beside it.
  const auto first = [](Builder&, const Values& values) { return values[0]; };
  y = build_alike("atan2", {y, x}, first);
  x = build_alike("atan2", {x, y}, first);
  constexpr double kPi = std::numbers::pi;
  const Tensor high = abs(y), wide = abs(x);
  const Tensor is_steep = high > wide, is_low = y < 0, is_left = x < 0;
  const Tensor divisor = where(is_steep, y, x);
  const Tensor quotient = where(is_steep, x, y) / where(divisor == 0, 1, divisor);
  const Tensor are_infinite = (high == wide) & !is_finite(high) & (high == high);
  const Tensor diagonal = cast(is_low == is_left, quotient.dtype()) * 2 - 1;
  const Tensor angle = atan(where(are_infinite, diagonal, quotient));
  const Tensor side = 1 - cast(is_low, quotient.dtype()) * 2;
  const Tensor turned = where(is_steep, side * (kPi / 2) - angle, where(is_left, angle + side * kPi, angle));
  return where(divisor == 0, 0, turned);
}

Tensor trunc(Operand x) {
  const Pin pin("trunc", x.where());
  return where(x < 0, ceil(x), floor(x));
}

Tensor truncated_divide(Operand x, Operand y) {
  const Pin pin("truncated_divide", x.where());
  const Tensor floored = x / y;
  if (!is_whole(floored)) return trunc(floored);
  const Tensor rest = x % y;
  return floored + cast((rest != 0) & ((rest < 0) != (x < 0)), floored.dtype());
}

Tensor truncated_remainder(Operand x, Operand y) {
  const Pin pin("truncated_remainder", x.where());
  const Tensor floored = x % y;
  if (is_whole(floored)) return where((floored != 0) & ((floored < 0) != (x < 0)), floored - y, floored);
  // Of magnitudes both are the same, and exact.
  const Tensor side = where(x < 0, -ones_like(x), ones_like(x));
  return (x * side) % abs(y) * side;
}

Tensor cast(Operand x, DType type) {
  return build("cast", {x}, [&](Builder& b, const Values& v) { return b.cast(v[0], to_graph(type)); });
}

}  // namespace sinter
