#include <cmath>
#include <numbers>

#include "ir/graph/composites/composites.h"

// Hyperbolic functions, and the inverses of these and of the trigonometric ones: by the magnitude of x, to
// which the sign is given back, so that what is small stays exact and what is large does not overflow before
// its result.
namespace sinter::graph::composites {
namespace {

struct Magnitude {
  Magnitude(Builder& builder, Value value) : b(builder), x(value), a(b.abs(value)) {}

  Value number(double value) const { return b.scalar_like(value, a); }
  // Of an odd function; 0 and -0 stay as they are.
  Value with_sign(Value y) const {
    const Value zero = number(0);
    const Value is_zero = b.equal(x, zero), is_negative = b.less(x, zero);
    return b.select(is_zero, x, b.select(is_negative, b.neg(y), y));
  }
  // `y`, or where the magnitude is not above `limit` `other`.
  Value above(double limit, Value y, Value other) const {
    return b.select(b.greater(a, number(limit)), y, other);
  }
  Value at_most(double limit) const { return above(limit, number(limit), a); }
  Value at_least(double limit) const { return above(limit, a, number(limit)); }

  Builder& b;
  Value x, a;
};

constexpr double kLarge = 1e9;  // from here on a^2 + 1 is a^2 in f64, too, and far from overflow in f32
constexpr double kSteep = 20;   // exp(-2a) is nothing beside 1

// exp(a) / 2, which overflows no sooner than its value.
Value half_exp(const Magnitude& x) {
  const Value half = x.b.exp(x.b.mul(x.a, x.number(0.5)));
  return x.b.mul(x.b.mul(half, x.number(0.5)), half);
}

// atan(a) of a in [0, 1]: by tan(u - pi/4) where a is above tan(pi/8), the rest by its series.
Value atan_to_one(Builder& b, Value a) {
  const auto number = [&](double value) { return b.scalar_like(value, a); };
  const Value is_upper = b.greater(a, number(std::numbers::sqrt2 - 1));
  const Value one = number(1), below = b.sub(a, one), above = b.add(a, one);
  const Value t = b.select(is_upper, b.div(below, above), a);
  const Value square = b.mul(t, t);
  // Terms below half a unit in the last place of the first one, as t is at most tan(pi/8).
  const int terms = a.dtype() == DType::f64 ? 20 : 9;
  Value sum = number(0);
  for (int k = terms; k >= 1; --k) {
    const double term = (k % 2 == 0 ? 1.0 : -1.0) / (2 * k + 1);
    sum = b.mul(b.add(sum, number(term)), square);
  }
  const Value rest = b.add(t, b.mul(t, sum));
  return b.select(is_upper, b.add(rest, number(std::numbers::pi / 4)), rest);
}

Value atan_of_magnitude(Builder& b, Value a) {
  const Value one = b.scalar_like(1, a);
  const Value is_above = b.greater(a, one);
  // What is not chosen has a finite gradient, too.
  const Value inner = atan_to_one(b, b.select(is_above, b.div(one, b.select(is_above, a, one)), a));
  return b.select(is_above, b.sub(b.scalar_like(std::numbers::pi / 2, a), inner), inner);
}

// log(2a) of an a that is large.
Value log_of_twice(const Magnitude& x) {
  const Value log = x.b.log(x.at_least(kLarge));
  return x.b.add(log, x.number(std::numbers::ln2));
}

// sqrt(1 - a^2) without cancellation.
Value cofactor(Builder& b, Value a) {
  const Value one = b.scalar_like(1, a);
  const Value below = b.sub(one, a), above = b.add(one, a);
  return b.sqrt(b.mul(below, above));
}

}  // namespace

Value sinh(const Composite& c) {
  const Magnitude x(c.b, c.x());
  // (t + t / (t + 1)) / 2 of t = exp(a) - 1
  const Value t = c.b.expm1(x.at_most(kSteep));
  const Value twice = c.b.add(t, c.b.div(t, c.b.add(t, x.number(1))));
  const Value near = c.b.mul(twice, x.number(0.5));
  return x.with_sign(x.above(kSteep, half_exp(x), near));
}

Value cosh(const Composite& c) {
  const Magnitude x(c.b, c.x());
  const Value e = c.b.exp(x.at_most(kSteep));
  const Value twice = c.b.add(e, c.b.div(x.number(1), e));
  const Value near = c.b.mul(twice, x.number(0.5));
  return x.above(kSteep, half_exp(x), near);
}

// log(a + sqrt(a^2 + 1))
Value asinh(const Composite& c) {
  const Magnitude x(c.b, c.x());
  const Value near = x.at_most(kLarge);
  const Value square = c.b.mul(near, near), one = x.number(1);
  const Value root = c.b.sqrt(c.b.add(square, one));
  const Value small = c.b.log1p(c.b.add(near, c.b.div(square, c.b.add(root, one))));
  const Value large = log_of_twice(x);
  return x.with_sign(x.above(kLarge, large, small));
}

// log(x + sqrt(x^2 - 1)); NaN below 1.
Value acosh(const Composite& c) {
  const Magnitude x(c.b, c.x());
  const Value most = x.number(kLarge), is_large = c.b.greater(c.x(), most);
  const Value small_x = c.b.select(is_large, most, c.x()), t = c.b.sub(small_x, x.number(1));
  const Value root = c.b.sqrt(c.b.mul(t, c.b.add(t, x.number(2))));
  const Value small = c.b.log1p(c.b.add(t, root));
  const Value large = log_of_twice(x);
  return c.b.select(is_large, large, small);
}

// log((1 + a) / (1 - a)) / 2
Value atanh(const Composite& c) {
  const Magnitude x(c.b, c.x());
  const Value twice = c.b.mul(x.a, x.number(2)), rest = c.b.sub(x.number(1), x.a);
  const Value ratio = c.b.div(twice, rest);
  return x.with_sign(c.b.mul(c.b.log1p(ratio), x.number(0.5)));
}

Value atan(const Composite& c) {
  const Magnitude x(c.b, c.x());
  return x.with_sign(atan_of_magnitude(c.b, x.a));
}

// atan(a / sqrt(1 - a^2)); NaN beyond 1.
Value asin(const Composite& c) {
  const Magnitude x(c.b, c.x());
  return x.with_sign(atan_of_magnitude(c.b, c.b.div(x.a, cofactor(c.b, x.a))));
}

// 2 atan(sqrt((1 - x) / (1 + x))); NaN beyond 1.
Value acos(const Composite& c) {
  const Value one = c.b.scalar_like(1, c.x());
  const Value below = c.b.sub(one, c.x()), above = c.b.add(one, c.x());
  const Value half = atan_of_magnitude(c.b, c.b.sqrt(c.b.div(below, above)));
  return c.b.mul(half, c.b.scalar_like(2, c.x()));
}

}  // namespace sinter::graph::composites
