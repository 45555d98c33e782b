#include "passes/expand_math/functions.h"

namespace sinter::passes::math {
namespace {

constexpr double kLog2E = 0x1.715476p+0;
// ln(2) in two parts: 15 bits, so that products with an exponent are exact, and 24.
constexpr double kLn2High = 0x1.62e4p-1;
constexpr double kLn2Low = 0x1.7f7d1cp-20;
// Adding 1.5 * 2^23 rounds to an integer n and leaves it in the low bits; with 127 more, shifting these to
// the exponent's place gives 2^n.
constexpr double kRounder = 0x1.8p+23 + 127;

Expr power_of_two(const Expr& rounded) {
  return from_bits(bits(rounded) << 23);
}

}  // namespace

// exp(x) = 2^(2m) exp(r) with |r| <= ln(2). The even exponent makes both halves of the scaling one shift: a
// product with 2^m, which is always normal, and another that overflows or rounds to a denormal once.
// Minimax polynomial of degree 7, relative error 2^-26.0.
Expr exp(const Arithmetic& arithmetic, const Expr& x) {
  const Expr limited = at_least(at_most(x, 89), -104);
  const Expr rounded = arithmetic.fma(limited, f32(kLog2E / 2), f32(kRounder));
  const Expr m = rounded - f32(kRounder);
  const Expr high = arithmetic.fma(m, f32(-2 * kLn2High), limited);
  const Expr r = arithmetic.fma(m, f32(-2 * kLn2Low), high);
  const Expr power = arithmetic.polynomial(r, {0x1.9ba8b2p-13, 0x1.71bfa2p-10, 0x1.1126e8p-7, 0x1.5549eep-5,
                                               0x1.555514p-3, 0x1.00000cp-1, 1.0, 1.0});
  const Expr scale = power_of_two(rounded);
  return power * scale * scale;
}

// exp(r) - 1 = r + r^2 q(r): minimax of degree 6 in all, relative error 2^-26.1.
ReducedExp reduced_exp(const Arithmetic& arithmetic, const Expr& x) {
  const Expr rounded = arithmetic.fma(x, f32(kLog2E), f32(kRounder));
  const Expr n = rounded - f32(kRounder);
  const Expr r = arithmetic.fma(n, f32(-kLn2Low), arithmetic.fma(n, f32(-kLn2High), x));
  const Expr q =
      arithmetic.polynomial(r, {0x1.6b9c96p-10, 0x1.122558p-7, 0x1.5556f2p-5, 0x1.5554b4p-3, 0x1.fffffep-2});
  return {.scale = power_of_two(rounded), .fraction = arithmetic.fma(r * r, q, r)};
}

// Half of 2^n (1 + fraction) - 1 is computed, because 2^128 is not a number; its scale comes from the bits of
// 2^n, which for n = 128 are those of an infinity. Tiny x, which would lose a bit or a sign, are their own
// results.
Expr expm1(const Arithmetic& arithmetic, const Expr& x) {
  const Expr limited = at_least(at_most(x, 89), -18);
  const ReducedExp power = reduced_exp(arithmetic, limited);
  const Expr half_scale = from_bits(bits(power.scale) - i32(1 << 23));
  const Expr half = arithmetic.fma(half_scale, power.fraction, half_scale - f32(0.5));
  return loop::select(abs(x) < f32(0x1p-25), x, half + half);
}

}  // namespace sinter::passes::math
