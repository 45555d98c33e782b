#pragma once

#include "passes/expand_math/arithmetic.h"

namespace sinter::passes::math {

// |x| = quarters * pi/2 + remainder, |remainder| <= pi/4, quarters modulo 4 in the low two bits.
struct ReducedAngle {
  Expr remainder;
  Expr quarters;
};

// For every finite x, to the last bit of the remainder: after Payne and Hanek, "Radian reduction for
// trigonometric functions", SIGNUM Newsletter 18 (1983), in 32-bit integers. Costs about 60 operations,
// whatever the size of x: without branches a cheaper way for small x would only come on top.
ReducedAngle reduce_angle(const Arithmetic& arithmetic, const Expr& x);

}  // namespace sinter::passes::math
