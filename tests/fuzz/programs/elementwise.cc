#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ir/error.h"
#include "tests/fuzz/programs/makers.h"

namespace sinter::fuzz::make {
namespace {

// The least that roots, logarithms and divisors get, so that no result depends on the last bits of an
// operand.
constexpr double kLeast = 0.25;

bool done(Writer& w, Value value, Known range) {
  if (!is_floating(value.dtype())) {
    range.exact = true;
    const Known whole = whole_range(value.dtype());
    if (!(range.low >= whole.low && range.high <= whole.high)) range = whole;
  }
  w.note(value, range);
  return true;
}

bool monotone(Writer& w, OpCode code, Value x, double (*f)(double)) {
  const Known in = w.known(x);
  const double a = f(in.low), b = f(in.high);
  return done(w, w.b.elementwise(code, {x}), {std::min(a, b), std::max(a, b), false});
}

Value exact_numeric(Writer& w) {
  const auto found = w.some([&](Value v) { return is_numeric(v.dtype()) && w.known(v).exact; });
  return found ? *found : w.exact_floating();
}

bool unary(Writer& w, OpCode code) {
  switch (code) {
    case OpCode::neg: {
      const Value x = w.numeric();
      const Known in = w.known(x);
      return done(w, w.b.neg(x), {-in.high, -in.low, in.exact});
    }
    case OpCode::abs: {
      const Value x = w.numeric();
      const Known in = w.known(x);
      const double least = in.low > 0 ? in.low : in.high < 0 ? -in.high : 0;
      return done(w, w.b.abs(x), {least, in.magnitude(), in.exact});
    }
    case OpCode::sign:
      return done(w, w.b.sign(exact_numeric(w)), {-1, 1});
    case OpCode::floor:
    case OpCode::ceil:
    case OpCode::round: {
      const Value x = exact_numeric(w);
      const Known in = w.known(x);
      return done(w, w.b.elementwise(code, {x}), {std::floor(in.low), std::ceil(in.high)});
    }
    case OpCode::exp:
      return monotone(w, code, w.limited(w.floating(), 2), std::exp);
    case OpCode::expm1:
      return monotone(w, code, w.limited(w.floating(), 2), std::expm1);
    case OpCode::log:
      return monotone(w, code, w.positive(w.floating(), kLeast), std::log);
    case OpCode::log1p:
      return monotone(w, code, w.positive(w.floating(), 0), std::log1p);
    case OpCode::sqrt:
      return monotone(w, code, w.positive(w.floating(), kLeast), std::sqrt);
    case OpCode::rsqrt:
      return monotone(w, code, w.positive(w.floating(), kLeast), [](double x) { return 1 / std::sqrt(x); });
    case OpCode::tanh:
      return monotone(w, code, w.floating(), std::tanh);
    case OpCode::erf:
      return monotone(w, code, w.floating(), std::erf);
    case OpCode::sin:
    case OpCode::cos:
      return done(w, w.b.elementwise(code, {w.limited(w.floating(), 8)}), {-1, 1, false});
    case OpCode::is_finite:
      return done(w, w.b.is_finite(w.floating()), {0, 1});
    case OpCode::logical_not: {
      const auto found = w.some([](Value v) { return !is_floating(v.dtype()); });
      const Value x = found ? *found : w.integer();
      return done(w, w.b.logical_not(x), whole_range(x.dtype()));
    }
    default:
      throw InternalError(fmt::format("no programs are made with {}", name(code)));
  }
}

// Of four corners.
template <typename F>
Known corners(const Known& x, const Known& y, F f) {
  const double all[] = {f(x.low, y.low), f(x.low, y.high), f(x.high, y.low), f(x.high, y.high)};
  const auto [least, most] = std::minmax_element(std::begin(all), std::end(all));
  return {*least, *most, false};
}

// The second operand, and sometimes the first on its place.
struct Pair {
  Value x, y;
};
Pair pair_for(Writer& w, Value x, bool exact) {
  Value y = w.fit(x.type(), exact);
  if (w.draw.one_in(3)) std::swap(x, y);
  return {x, y};
}

bool quotient(Writer& w, OpCode code) {
  const bool exact = code == OpCode::rem;
  Value x = exact ? exact_numeric(w) : w.numeric();
  Value y = w.fit(x.type(), exact);
  if (!is_floating(x.dtype())) {
    return done(w, w.b.elementwise(code, {x, y}), whole_range(x.dtype()));
  }
  if (!exact) {
    y = w.positive(y, 2 * kLeast);
    return done(w, w.b.div(x, y), corners(w.known(x), w.known(y), [](double a, double b) { return a / b; }));
  }
  // Of dyadic fractions, whose quotient is never rounded up to a whole number.
  y = w.b.broadcast_to(w.b.constant(w.draw.of({1.0, 0.5, 2.0, -1.0}), x.dtype()), x.shape());
  const double most = std::fabs(2.0);
  return done(w, w.b.rem(x, y), {-most, most});
}

bool power(Writer& w) {
  Value x = w.numeric();
  if (!is_floating(x.dtype())) {
    const Value y = w.fit(x.type());
    return done(w, w.b.pow(x, y), whole_range(x.dtype()));
  }
  Value y = w.fit(x.type());
  x = w.limited(w.positive(x, kLeast), 3);
  y = w.limited(y, 2);
  return done(w, w.b.pow(x, y),
              corners(w.known(x), w.known(y), [](double a, double b) { return std::pow(a, b); }));
}

bool binary(Writer& w, OpCode code) {
  const auto apply = [&](Value x, auto f) {
    const auto [lhs, rhs] = pair_for(w, x, false);
    return done(w, w.b.elementwise(code, {lhs, rhs}), corners(w.known(lhs), w.known(rhs), f));
  };
  switch (code) {
    case OpCode::add:
      return apply(w.numeric(), [](double a, double b) { return a + b; });
    case OpCode::sub:
      return apply(w.numeric(), [](double a, double b) { return a - b; });
    case OpCode::mul:
      return apply(w.numeric(), [](double a, double b) { return a * b; });
    case OpCode::div:
    case OpCode::rem:
      return quotient(w, code);
    case OpCode::pow:
      return power(w);
    case OpCode::max:
    case OpCode::min: {
      const auto [x, y] = pair_for(w, w.any(), false);
      const Known a = w.known(x), b = w.known(y);
      const auto f = [&](double c, double d) {
        return code == OpCode::max ? std::max(c, d) : std::min(c, d);
      };
      return done(w, w.b.elementwise(code, {x, y}), {f(a.low, b.low), f(a.high, b.high), a.exact && b.exact});
    }
    case OpCode::logical_and:
    case OpCode::logical_or:
    case OpCode::logical_xor: {
      const auto found = w.some([](Value v) { return !is_floating(v.dtype()); });
      const auto [x, y] = pair_for(w, found ? *found : w.integer(), true);
      return done(w, w.b.elementwise(code, {x, y}), whole_range(x.dtype()));
    }
    case OpCode::equal:
    case OpCode::not_equal:
    case OpCode::less:
    case OpCode::less_equal:
    case OpCode::greater:
    case OpCode::greater_equal: {
      const auto found = w.some([&](Value v) { return w.known(v).exact; });
      const auto [x, y] = pair_for(w, found ? *found : w.exact_floating(), true);
      return done(w, w.b.elementwise(code, {x, y}), {0, 1});
    }
    default:
      throw InternalError(fmt::format("no programs are made with {}", name(code)));
  }
}

bool elementwise(Writer& w, OpCode code, int arity) {
  return arity == 1 ? unary(w, code) : binary(w, code);
}

}  // namespace

#define SINTER_ELEMENTWISE(name, arity, domain, result, ...) \
  bool name(Writer& w) {                                     \
    return elementwise(w, OpCode::name, arity);              \
  }
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE

bool select(Writer& w) {
  const Value x = w.any();
  const Value y = w.fit(x.type());
  const Value condition = w.fit({DType::boolean, x.shape()});
  Known range = joined(w.known(x), w.known(y));
  w.note(w.b.select(condition, x, y), range);
  return true;
}

bool cast(Writer& w) {
  const Value x = w.any();
  Value from = x;
  DType to = w.draw.of({DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean});
  if (is_floating(to)) to = w.plan.floating;
  if (is_floating(from.dtype()) && !is_floating(to) && !w.known(from).exact) from = w.exact_floating();
  if (is_floating(to) && is_integer(from.dtype()) && w.known(from).magnitude() > 1000) {
    from = w.knowing(w.b.rem(from, w.b.constant_int(7, from.dtype())), {0, 6});
  }
  if (from.dtype() == to) return false;
  Known range = w.known(from);
  if (to == DType::f32 && from.dtype() == DType::f64) range.exact = false;
  if (!is_floating(to)) {
    range = {std::trunc(range.low), std::trunc(range.high)};
    const Known whole = whole_range(to);
    if (range.low < whole.low || range.high > whole.high) range = whole;
  }
  w.note(w.b.cast(from, to), range);
  return true;
}

bool stop_gradient(Writer& w) {
  const Value x = w.any();
  return moved(w, x, w.b.stop_gradient(x));
}

}  // namespace sinter::fuzz::make
