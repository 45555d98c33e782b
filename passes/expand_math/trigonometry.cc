#include <limits>

#include "passes/expand_math/functions.h"
#include "passes/expand_math/reduce_angle.h"

namespace sinter::passes::math {
namespace {

// For |r| <= pi/4: minimax, relative error 2^-27.9 and absolute error 2^-33.1.
Expr sin_near_zero(const Arithmetic& arithmetic, const Expr& r) {
  const Expr z = r * r;
  const Expr p = arithmetic.polynomial(z, {-0x1.9953fcp-13, 0x1.110778p-7, -0x1.555546p-3});
  return arithmetic.fma(z * r, p, r);
}
Expr cos_near_zero(const Arithmetic& arithmetic, const Expr& r) {
  const Expr z = r * r;
  return arithmetic.polynomial(z, {0x1.99e0eep-16, -0x1.6c0c1ap-10, 0x1.55554ap-5, -0.5, 1.0});
}

// sin(r + quarters * pi/2), its sign changed where the top bit of `sign` is set; NaN where x is not finite.
Expr sin_of_quarters(const Arithmetic& arithmetic, const Expr& x, const Expr& r, const Expr& quarters,
                     const Expr& sign) {
  const Expr is_odd = (quarters & i32(1)) == i32(1);
  const Expr magnitude = loop::select(is_odd, cos_near_zero(arithmetic, r), sin_near_zero(arithmetic, r));
  const Expr flip = ((quarters << 30) ^ sign) & i32(INT32_MIN);
  const Expr y = from_bits(bits(magnitude) ^ flip);
  const Expr is_finite = abs(x) < f32(std::numeric_limits<double>::infinity());
  return loop::select(is_finite, y, f32(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace

Expr sin(const Arithmetic& arithmetic, const Expr& x) {
  const ReducedAngle angle = reduce_angle(arithmetic, x);
  return sin_of_quarters(arithmetic, x, angle.remainder, angle.quarters, bits(x));
}

Expr cos(const Arithmetic& arithmetic, const Expr& x) {
  const ReducedAngle angle = reduce_angle(arithmetic, x);
  return sin_of_quarters(arithmetic, x, angle.remainder, angle.quarters + i32(1), i32(0));
}

}  // namespace sinter::passes::math
