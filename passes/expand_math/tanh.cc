#include "passes/expand_math/functions.h"

namespace sinter::passes::math {

// tanh(x) = t / (t + 2) with t = exp(2x) - 1, for |x|. From 9.1 on the result is 1. For small t the errors of
// the quotient count less in the same value written as t/2 - t/2 * quotient.
Expr tanh(const Arithmetic& arithmetic, const Expr& x) {
  const Expr limited = at_most(abs(x), 9.1);
  const ReducedExp power = reduced_exp(arithmetic, limited + limited);
  const Expr t = arithmetic.fma(power.scale, power.fraction, power.scale - f32(1));
  const Expr half = t * f32(0.5);
  const Expr quotient = t / (t + f32(2));
  const Expr y = loop::select(t < f32(1), arithmetic.fma(-half, quotient, half), quotient);
  // A quotient that is not exact may exceed 1.
  return with_sign(arithmetic.target.exact_division ? y : at_most(y, 1), x);
}

}  // namespace sinter::passes::math
