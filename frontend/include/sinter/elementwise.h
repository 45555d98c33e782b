#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

// Functions of each element. Shapes broadcast as in numpy. See tensor.h for the operators.
namespace SINTER_EXPORT sinter {

Tensor abs(Operand x);
Tensor sign(Operand x);  // -1, 0 or 1; NaN of NaN
Tensor floor(Operand x);
Tensor ceil(Operand x);
Tensor round(Operand x);  // half to even

// Of floating tensors.
Tensor exp(Operand x);
Tensor expm1(Operand x);
Tensor log(Operand x);
Tensor log1p(Operand x);
Tensor sqrt(Operand x);
Tensor rsqrt(Operand x);  // 1 / sqrt(x)
Tensor sin(Operand x);
Tensor cos(Operand x);
Tensor tan(Operand x);
Tensor asin(Operand x);  // NaN beyond 1, as acos and atanh; at 1 the gradient is infinite
Tensor acos(Operand x);
Tensor atan(Operand x);
Tensor atan2(Operand y, Operand x);  // the angle of (x, y), in [-pi,pi]; 0 at the origin
Tensor sinh(Operand x);
Tensor cosh(Operand x);
Tensor tanh(Operand x);
Tensor asinh(Operand x);
Tensor acosh(Operand x);  // NaN below 1
Tensor atanh(Operand x);
Tensor erf(Operand x);
Tensor is_finite(Operand x);  // bool
Tensor square(Operand x);     // x * x

Tensor pow(Operand base, Operand exponent);
Tensor maximum(Operand lhs, Operand rhs);  // NaN where either is
Tensor minimum(Operand lhs, Operand rhs);
Tensor clamp(Operand x, Operand low, Operand high);

Tensor trunc(Operand x);  // to 0
// The quotient rounded to 0, and what it leaves, which has the sign of x: C's / and % of integers (by 0: 0
// and 0), fmod of floating tensors.
Tensor truncated_divide(Operand x, Operand y);
Tensor truncated_remainder(Operand x, Operand y);

// `if_true` where `condition` (bool) holds, `if_false` elsewhere; all three broadcast.
Tensor where(Operand condition, Operand if_true, Operand if_false);

// x itself where it has that type. Floating to integer truncates and saturates, NaN gives 0; to bool: x != 0.
Tensor cast(Operand x, DType type);

}  // namespace sinter
