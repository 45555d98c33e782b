#pragma once

#include <cmath>
#include <numbers>

#include "passes/differentiate/vjp.h"

// The rules of elementwise ops. What each does at ties, at 0 and outside its domain: docs/autodiff.md.
namespace sinter::passes {

// max and min: all to the winner, half to each at a tie. Of a NaN neither loses, and both get all.
inline graph::Value extremum_vjp(const Vjp& v, size_t i) {
  const graph::OpCode worse = v.op.code == graph::OpCode::max ? graph::OpCode::less : graph::OpCode::greater;
  const graph::Value loses = v.b.elementwise(worse, {v.x(i), v.x(1 - i)});
  const graph::Value ties = v.b.equal(v.x(0), v.x(1));
  const graph::Value half = v.scaled(0.5, v.g);
  return v.b.select(ties, half, v.b.select(loses, v.number(0), v.g));
}

// y = x ^ e. For the base, e * x ^ (e - 1), and 0 where e is 0, whatever x is. For the exponent, y * log(x),
// and 0 where x <= 0.
inline graph::Value pow_vjp(const Vjp& v, size_t i) {
  const graph::Value x = v.x(0), e = v.x(1), one = v.number(1), none = v.number(0);
  if (i == 0) {
    const graph::Value base = v.b.select(v.b.equal(e, none), one, x);
    const graph::Value lower = v.b.sub(e, one);
    return v.b.mul(v.g, v.b.mul(e, v.b.pow(base, lower)));
  }
  const graph::Value outside = v.b.less_equal(x, none);
  const graph::Value log = v.b.log(v.b.select(outside, one, x));
  return v.b.mul(v.g, v.b.select(outside, none, v.b.mul(v.y(), log)));
}

// y = x - d * floor(x / d). (y - x) / d is -floor up to rounding, and then rounded to it.
inline graph::Value rem_vjp(const Vjp& v, size_t i) {
  if (i == 0) return v.g;
  return v.b.mul(v.g, v.b.round(v.b.div(v.b.sub(v.y(), v.x(0)), v.x(1))));
}

inline constexpr VjpRule kElementwiseRules[] = {
    per_operand(graph::OpCode::neg, [](const Vjp& v, size_t) { return v.b.neg(v.g); }),
    per_operand(graph::OpCode::abs, [](const Vjp& v, size_t) { return v.b.mul(v.g, v.b.sign(v.x())); }),
    zero(graph::OpCode::sign),
    per_operand(graph::OpCode::exp, [](const Vjp& v, size_t) { return v.b.mul(v.g, v.y()); }),
    per_operand(graph::OpCode::expm1,
                [](const Vjp& v, size_t) { return v.b.mul(v.g, v.b.add(v.y(), v.number(1))); }),
    per_operand(graph::OpCode::log, [](const Vjp& v, size_t) { return v.b.div(v.g, v.x()); }),
    per_operand(graph::OpCode::log1p,
                [](const Vjp& v, size_t) { return v.b.div(v.g, v.b.add(v.x(), v.number(1))); }),
    per_operand(graph::OpCode::sqrt, [](const Vjp& v, size_t) { return v.b.div(v.scaled(0.5, v.g), v.y()); }),
    per_operand(graph::OpCode::rsqrt,
                [](const Vjp& v, size_t) {
                  const graph::Value cube = v.b.mul(v.y(), v.b.mul(v.y(), v.y()));
                  return v.b.mul(v.g, v.scaled(-0.5, cube));
                }),
    per_operand(graph::OpCode::sin, [](const Vjp& v, size_t) { return v.b.mul(v.g, v.b.cos(v.x())); }),
    per_operand(graph::OpCode::cos,
                [](const Vjp& v, size_t) { return v.b.mul(v.g, v.b.neg(v.b.sin(v.x()))); }),
    per_operand(graph::OpCode::tanh,
                [](const Vjp& v, size_t) {
                  const graph::Value square = v.b.mul(v.y(), v.y());
                  return v.b.mul(v.g, v.b.sub(v.number(1), square));
                }),
    per_operand(graph::OpCode::erf,
                [](const Vjp& v, size_t) {
                  const graph::Value bell = v.b.exp(v.b.neg(v.b.mul(v.x(), v.x())));
                  return v.b.mul(v.g, v.scaled(2 * std::numbers::inv_sqrtpi, bell));
                }),
    zero(graph::OpCode::floor),
    zero(graph::OpCode::ceil),
    zero(graph::OpCode::round),
    zero(graph::OpCode::is_finite),
    zero(graph::OpCode::logical_not),
    per_operand(graph::OpCode::add, [](const Vjp& v, size_t) { return v.g; }),
    per_operand(graph::OpCode::sub, [](const Vjp& v, size_t i) { return i == 0 ? v.g : v.b.neg(v.g); }),
    per_operand(graph::OpCode::mul, [](const Vjp& v, size_t i) { return v.b.mul(v.g, v.x(1 - i)); }),
    per_operand(graph::OpCode::div,
                [](const Vjp& v, size_t i) {
                  const graph::Value quotient = v.b.div(v.g, v.x(1));
                  return i == 0 ? quotient : v.b.neg(v.b.mul(quotient, v.y()));
                }),
    per_operand(graph::OpCode::rem, rem_vjp),
    per_operand(graph::OpCode::pow, pow_vjp),
    per_operand(graph::OpCode::max, extremum_vjp),
    per_operand(graph::OpCode::min, extremum_vjp),
    zero(graph::OpCode::logical_and),
    zero(graph::OpCode::logical_or),
    zero(graph::OpCode::logical_xor),
    zero(graph::OpCode::equal),
    zero(graph::OpCode::not_equal),
    zero(graph::OpCode::less),
    zero(graph::OpCode::less_equal),
    zero(graph::OpCode::greater),
    zero(graph::OpCode::greater_equal),
    per_operand(graph::OpCode::select,
                [](const Vjp& v, size_t i) {
                  const graph::Value none = v.number(0);
                  return i == 1 ? v.b.select(v.x(0), v.g, none) : v.b.select(v.x(0), none, v.g);
                }),
    per_operand(graph::OpCode::cast, [](const Vjp& v, size_t) { return v.b.cast(v.g, v.x().dtype()); }),
    zero(graph::OpCode::stop_gradient),
};

}  // namespace sinter::passes
