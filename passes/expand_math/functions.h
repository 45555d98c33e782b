#pragma once

#include <limits>

#include "passes/expand_math/arithmetic.h"

// Elementary functions of f32 expressions. Special values and signs of zero are C99's.
namespace sinter::passes::math {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Expr exp(const Arithmetic& arithmetic, const Expr& x);
Expr expm1(const Arithmetic& arithmetic, const Expr& x);
Expr log(const Arithmetic& arithmetic, const Expr& x);
Expr log1p(const Arithmetic& arithmetic, const Expr& x);
Expr sin(const Arithmetic& arithmetic, const Expr& x);
Expr cos(const Arithmetic& arithmetic, const Expr& x);
Expr tanh(const Arithmetic& arithmetic, const Expr& x);
Expr erf(const Arithmetic& arithmetic, const Expr& x);
Expr pow(const Arithmetic& arithmetic, const Expr& base, const Expr& exponent);
Expr rsqrt(const Expr& x);

// 2^scale, and exp(remainder) - 1.
struct ReducedExp {
  Expr scale;
  Expr fraction;
};
// For -87 < x < 88: exp(x) = scale * (1 + fraction), with |ln(1 + fraction)| <= ln(2) / 2.
ReducedExp reduced_exp(const Arithmetic& arithmetic, const Expr& x);

// log of a positive normal number.
Expr log_of_normal(const Arithmetic& arithmetic, const Expr& x);

}  // namespace sinter::passes::math
