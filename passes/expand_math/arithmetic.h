#pragma once

#include <initializer_list>

#include "ir/loop/expr.h"
#include "passes/expand_math/expand_math.h"

// The words in which the elementary functions are written.
namespace sinter::passes::math {

using loop::Expr;

Expr f32(double value);
Expr i32(int64_t value);

Expr bits(const Expr& x);       // of an f32, as i32
Expr from_bits(const Expr& x);  // and back
Expr to_f32(const Expr& x);     // the value of an i32

Expr operator-(const Expr& x);
Expr operator&(const Expr& a, const Expr& b);
Expr operator|(const Expr& a, const Expr& b);
Expr operator^(const Expr& a, const Expr& b);
Expr operator<<(const Expr& x, int64_t count);
Expr operator>>(const Expr& x, int64_t count);  // fills with zeros
Expr operator>(const Expr& a, const Expr& b);
Expr abs(const Expr& x);

// x limited to a side of a bound; a NaN stays one. Cheaper than the IR's min and max.
Expr at_most(const Expr& x, double bound);
Expr at_least(const Expr& x, double bound);

// `x`, which is not negative, with the sign of `from`.
Expr with_sign(const Expr& x, const Expr& from);

// The upper 12 bits of x's significand: products of two such are exact.
Expr upper_half(const Expr& x);

// Multiplication and addition in one where the machine can. Functions are written so that rounding the
// product costs accuracy but breaks nothing: constants of argument reduction are short, so that their
// products are exact.
struct Arithmetic {
  MathTarget target;

  Expr fma(const Expr& a, const Expr& b, const Expr& c) const;
  // By Horner's rule; the coefficient of the highest power comes first.
  Expr polynomial(const Expr& x, std::initializer_list<double> coefficients) const;
};

}  // namespace sinter::passes::math
