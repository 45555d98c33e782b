#pragma once

#include <limits>

#include "passes/expand_math/arithmetic.h"

// Elementary functions of f32 expressions. Special values and signs of zero are C99's.
namespace sinter::passes::math {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Of each op that the table of elementwise ops says is a polynomial: a function of its name.
#define SINTER_FUNCTION_1(name) Expr name(const Arithmetic& arithmetic, const Expr& x);
#define SINTER_FUNCTION_2(name) Expr name(const Arithmetic& arithmetic, const Expr& x, const Expr& y);
#define SINTER_COST_1(name, arity)
#define SINTER_COST_5(name, arity)
#define SINTER_COST_20(name, arity) SINTER_FUNCTION_##arity(name)
#define SINTER_ELEMENTWISE(name, arity, domain, result, cost, ...) SINTER_COST_##cost(name, arity)
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
#undef SINTER_COST_20
#undef SINTER_COST_5
#undef SINTER_COST_1
#undef SINTER_FUNCTION_2
#undef SINTER_FUNCTION_1
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
