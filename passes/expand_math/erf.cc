#include "passes/expand_math/functions.h"

namespace sinter::passes::math {

// erf(t) = 1 - exp(-t (1 + q(t))) for t = |x|, as -expm1, so that small results keep their relative accuracy.
// q is a minimax polynomial of degree 8 for the relative error of the result, 2^-27.8, on [0, 3.94]; from
// there on the result rounds to 1.
Expr erf(const Arithmetic& arithmetic, const Expr& x) {
  const Expr t = at_most(abs(x), 4);
  const Expr q = arithmetic.polynomial(
      t, {-0x1.3af0a0p-17, 0x1.f27be4p-14, -0x1.4e24f4p-11, 0x1.b74224p-10, -0x1.636f10p-13, -0x1.39b7cep-6,
          0x1.a4f8c4p-4, 0x1.45f300p-1, 0x1.06eba8p-3});
  const ReducedExp power = reduced_exp(arithmetic, -arithmetic.fma(t, q, t));
  const Expr y = arithmetic.fma(-power.scale, power.fraction, f32(1) - power.scale);
  return with_sign(y, x);
}

}  // namespace sinter::passes::math
