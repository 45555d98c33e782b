#include "passes/expand_math/functions.h"

namespace sinter::passes::math {
namespace {

constexpr double kLeastNormal = 0x1p-126;
constexpr int64_t kExponentBits = -(int64_t{1} << 23);
constexpr int64_t kTwoThirds = 0x3f2aaaab;  // bits of 2/3
// ln(2) in two parts, the upper of 15 bits, for an exponent that stands in the exponent's place.
constexpr double kLn2InPlaceHigh = 0x1.62e4p-1 * 0x1p-23;
constexpr double kLn2InPlaceLow = 0x1.7f7d1cp-20 * 0x1p-23;

// The exponent of x * 3/2, in place: x / 2^it lies in [2/3, 4/3).
Expr exponent_in_place(const Expr& x) {
  return (bits(x) - i32(kTwoThirds)) & i32(kExponentBits);
}

// log((1 + f) 2^n) with |f| <= 1/3, n given in the exponent's place.
// log(1 + f) = f - f^2/2 + f^3 p(f): minimax p of degree 7, relative error 2^-27.7.
Expr log_of_product(const Arithmetic& arithmetic, const Expr& f, const Expr& exponent) {
  const Expr n = to_f32(exponent);
  const Expr p =
      arithmetic.polynomial(f, {-0x1.07cce6p-3, 0x1.1e6c24p-3, -0x1.f32fc4p-4, 0x1.1ed588p-3, -0x1.559c76p-3,
                                0x1.99d04ep-3, -0x1.fffefap-3, 0x1.555506p-2, -0.5});
  const Expr low = arithmetic.fma(n, f32(kLn2InPlaceLow), f * f * p);
  return arithmetic.fma(n, f32(kLn2InPlaceHigh), f + low);
}

// `y` where x > 0, then what the logarithm has there.
Expr with_domain(const Expr& x, const Expr& y) {
  return loop::select(x > f32(0), y, loop::select(x == f32(0), f32(-kInfinity), f32(kNan)));
}

}  // namespace

Expr log_of_normal(const Arithmetic& arithmetic, const Expr& x) {
  const Expr exponent = exponent_in_place(x);
  return log_of_product(arithmetic, from_bits(bits(x) - exponent) - f32(1), exponent);
}

Expr log(const Arithmetic& arithmetic, const Expr& x) {
  const Expr is_denormal = x < f32(kLeastNormal);
  const Expr normal = loop::select(is_denormal, x * f32(0x1p23), x);
  const Expr exponent = exponent_in_place(normal);
  const Expr f = from_bits(bits(normal) - exponent) - f32(1);
  const Expr shift = loop::select(is_denormal, i32(int64_t{23} << 23), i32(0));
  const Expr y = log_of_product(arithmetic, f, exponent - shift);
  return with_domain(x, loop::select(x == f32(kInfinity), x, y));
}

// 1 + x rounds, but only its exponent n is used: f = x 2^-n + (2^-n - 1).
Expr log1p(const Arithmetic& arithmetic, const Expr& x) {
  const Expr sum = x + f32(1);
  const Expr exponent = exponent_in_place(sum);
  const Expr scaled = from_bits(bits(x) - exponent);
  const Expr four_scales = from_bits(bits(f32(4)) - exponent);
  const Expr f = scaled + arithmetic.fma(four_scales, f32(0.25), f32(-1));
  const Expr y = log_of_product(arithmetic, f, exponent);
  // An infinity and the zeros, whose sign would be lost, are their own results.
  const Expr is_fixed = (x == f32(0)) || (x == f32(kInfinity));
  return with_domain(sum, loop::select(is_fixed, x, y));
}

}  // namespace sinter::passes::math
