#include "passes/expand_math/functions.h"

// After FreeBSD's e_powf.c (Sun Microsystems, 1993): log2 of the base and its product with the exponent as
// sums of two floats, all products that must be exact made of halves of 12 bits, so that no fma is needed.
namespace sinter::passes::math {
namespace {

using loop::ScalarOp;
using loop::select;

// A number as high + low; high has 12 bits.
struct Parts {
  Expr high, low;
};

// x > 0 as m * 2^exponent with m in [sqrt(1/2), sqrt(2)).
struct Split {
  Expr m, exponent;
};

Split split(const Expr& x) {
  const Expr is_denormal = x < f32(0x1p-126);
  const Expr normal = select(is_denormal, x * f32(0x1p24), x);
  const Expr in_place = (bits(normal) - i32(0x3f3504f3)) & i32(-(int64_t{1} << 23));
  const Expr shift = select(is_denormal, i32(int64_t{24} << 23), i32(0));
  return {.m = from_bits(bits(normal) - in_place), .exponent = to_f32(in_place - shift) * f32(0x1p-23)};
}

// s = (m - 1) / (m + 1).
Parts quotient(const Expr& m) {
  const Expr numerator = m - f32(1), denominator = m + f32(1);
  const Expr reciprocal = f32(1) / denominator;
  const Expr high = upper_half(numerator * reciprocal);
  const Expr denominator_high = upper_half(denominator);
  const Expr denominator_low = m - (denominator_high - f32(1));
  const Expr remainder = (numerator - high * denominator_high) - high * denominator_low;
  return {.high = high, .low = remainder * reciprocal};
}

// log2(x) = exponent + 2 / (3 ln 2) * s * (3 + s^2 + s^4 p(s^2)); minimax p, relative error of the sum
// 2^-43.7.
Parts log2(const Arithmetic& arithmetic, const Expr& x) {
  constexpr double kFactorHigh = 0x1.ec8p-1, kFactor = 0x1.ec709ep-1, kFactorLow = -0x1.ec478cp-14;
  const auto [m, exponent] = split(x);
  const Parts s = quotient(m);
  const Expr sum = s.high + s.low, square = sum * sum;
  const Expr p = arithmetic.polynomial(square, {0x1.2c6ef0p-2, 0x1.54adccp-2, 0x1.b6dd92p-2, 0x1.333332p-1});
  const Expr square_high = s.high * s.high;
  const Expr rest = arithmetic.fma(square * square, p, s.low * (s.high + sum));
  const Expr series_high = upper_half((square_high + f32(3)) + rest);
  const Expr series_low = rest - ((series_high - f32(3)) - square_high);

  const Expr product = s.high * series_high;
  const Expr product_rest = arithmetic.fma(s.low, series_high, series_low * sum);
  const Expr log_high = upper_half(product + product_rest);
  const Expr log_low = product_rest - (log_high - product);

  const Expr scaled_high = log_high * f32(kFactorHigh);
  const Expr scaled_low = arithmetic.fma(log_high, f32(kFactorLow), log_low * f32(kFactor));
  const Expr high = upper_half((scaled_high + scaled_low) + exponent);
  return {.high = high, .low = scaled_low - ((high - exponent) - scaled_high)};
}

// 2^(high + low), in two steps of scaling so that denormals are rounded once; minimax of degree 6, 2^-28.3.
Expr exp2(const Arithmetic& arithmetic, const Expr& high, const Expr& low) {
  constexpr double kToInteger = 0x1.8p+23;  // leaves an integer in the low bits
  const Expr sum = high + low;
  const Expr rounded = at_least(at_most(sum, 129), -151) + f32(kToInteger);
  const Expr r = (high - (rounded - f32(kToInteger))) + low;
  const Expr power = arithmetic.polynomial(
      r, {0x1.4170dep-13, 0x1.5f0b1ap-10, 0x1.3b2ddep-7, 0x1.c6af78p-5, 0x1.ebfbdcp-3, 0x1.62e430p-1, 1.0});
  const Expr half = bits(rounded) >> 1;
  const auto power_of_two = [](const Expr& n) { return from_bits((n << 23) + bits(f32(1))); };
  const Expr y = power * power_of_two(half) * power_of_two(bits(rounded) - half);
  return select(sum > f32(129), f32(kInfinity), select(sum < f32(-151), f32(0), y));
}

Expr floor(const Expr& x) {
  return loop::apply(ScalarOp::floor, {x});
}

Expr logical_not(const Expr& x) {
  return loop::apply(ScalarOp::logical_not, {x});
}

// For x > 0, finite. An exponent beyond 2^32 gives 0, 1 or infinity like one of 2^32.
Expr pow_of_positive(const Arithmetic& arithmetic, const Expr& x, const Expr& exponent) {
  const Parts log = log2(arithmetic, x);
  const Expr y = at_least(at_most(exponent, 0x1p32), -0x1p32);
  const Expr y_high = upper_half(y);
  const Expr low = arithmetic.fma(y - y_high, log.high, y * log.low);
  return exp2(arithmetic, y_high * log.high, low);
}

}  // namespace

Expr pow(const Arithmetic& arithmetic, const Expr& base, const Expr& exponent) {
  const Expr x = abs(base);
  const Expr is_zero = x == f32(0), is_infinite = x == f32(kInfinity);
  const Expr is_integer = floor(exponent) == exponent;
  const Expr half = exponent * f32(0.5);
  const Expr is_odd = is_integer && logical_not(floor(half) == half);

  const Expr falls_to_zero = loop::apply(ScalarOp::logical_xor, {is_zero, exponent < f32(0)});
  const Expr limit = select(falls_to_zero, f32(0), f32(kInfinity));
  const Expr magnitude = select(is_zero || is_infinite, limit, pow_of_positive(arithmetic, x, exponent));
  const Expr y = select(is_odd, with_sign(magnitude, base), magnitude);

  const Expr is_real = base >= f32(0) || is_integer || is_infinite;
  const Expr is_defined = is_real && base == base && exponent == exponent;
  const Expr is_one = exponent == f32(0) || base == f32(1);
  return select(is_one, f32(1), select(is_defined, y, f32(kNan)));
}

}  // namespace sinter::passes::math
