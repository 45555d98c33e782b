#include "passes/expand_math/arithmetic.h"

namespace sinter::passes::math {

using loop::ScalarOp;
using loop::Type;

Expr f32(double value) {
  return loop::number(value, Type::f32);
}
Expr i32(int64_t value) {
  return loop::integer(value, Type::i32);
}

Expr bits(const Expr& x) {
  return loop::bitcast(x, Type::i32);
}
Expr from_bits(const Expr& x) {
  return loop::bitcast(x, Type::f32);
}
Expr to_f32(const Expr& x) {
  return loop::cast(x, Type::f32);
}

Expr operator-(const Expr& x) {
  return loop::apply(ScalarOp::neg, {x});
}
Expr operator&(const Expr& a, const Expr& b) {
  return loop::apply(ScalarOp::logical_and, {a, b});
}
Expr operator|(const Expr& a, const Expr& b) {
  return loop::apply(ScalarOp::logical_or, {a, b});
}
Expr operator^(const Expr& a, const Expr& b) {
  return loop::apply(ScalarOp::logical_xor, {a, b});
}
Expr operator<<(const Expr& x, int64_t count) {
  return loop::apply(ScalarOp::shift_left, {x, i32(count)});
}
Expr operator>>(const Expr& x, int64_t count) {
  return loop::apply(ScalarOp::shift_right, {x, i32(count)});
}
Expr operator>(const Expr& a, const Expr& b) {
  return loop::apply(ScalarOp::greater, {a, b});
}
Expr abs(const Expr& x) {
  return loop::apply(ScalarOp::abs, {x});
}

Expr at_most(const Expr& x, double bound) {
  return loop::select(x > f32(bound), f32(bound), x);
}
Expr at_least(const Expr& x, double bound) {
  return loop::select(x < f32(bound), f32(bound), x);
}

Expr with_sign(const Expr& x, const Expr& from) {
  return from_bits(bits(x) | (bits(from) & i32(INT32_MIN)));
}

Expr upper_half(const Expr& x) {
  return from_bits(bits(x) & i32(-4096));
}

Expr Arithmetic::fma(const Expr& a, const Expr& b, const Expr& c) const {
  return target.has_fma ? loop::apply(ScalarOp::fma, {a, b, c}) : a * b + c;
}

Expr Arithmetic::polynomial(const Expr& x, std::initializer_list<double> coefficients) const {
  Expr sum;
  for (const double coefficient : coefficients) {
    sum = sum ? fma(sum, x, f32(coefficient)) : f32(coefficient);
  }
  return sum;
}

}  // namespace sinter::passes::math
