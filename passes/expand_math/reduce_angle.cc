#include "passes/expand_math/reduce_angle.h"

#include <array>
#include <numbers>

namespace sinter::passes::math {
namespace {

using loop::ScalarOp;
using loop::select;

// 26 zeros, then the bits of 2/pi.
constexpr std::array<int64_t, 7> kTwoOverPi = {0x00000028, 0xbe60db93, 0x91054a7f, 0x09d5f47d,
                                               0x4d377036, 0xd8a5664f, 0x10e4107f};

// 96 bits of kTwoOverPi from bit `offset` on, 0 <= offset < 128.
std::array<Expr, 3> window(const Expr& offset) {
  const Expr by_two = (offset & i32(64)) == i32(64), by_one = (offset & i32(32)) == i32(32);
  std::array<Expr, 5> pairs;
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = select(by_two, i32(kTwoOverPi[i + 2]), i32(kTwoOverPi[i]));
  }
  std::array<Expr, 4> words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = select(by_one, pairs[i + 1], pairs[i]);
  const Expr left = offset & i32(31), right = left ^ i32(31);
  std::array<Expr, 3> out;
  for (size_t i = 0; i < out.size(); ++i) {
    const Expr upper = loop::apply(ScalarOp::shift_left, {words[i], left});
    out[i] = upper | loop::apply(ScalarOp::shift_right, {words[i + 1] >> 1, right});
  }
  return out;
}

Expr mul_high(const Expr& a, const Expr& b) {
  return loop::apply(ScalarOp::mul_high, {a, b});
}

Expr is_less_unsigned(const Expr& a, const Expr& b) {
  return (a ^ i32(INT32_MIN)) < (b ^ i32(INT32_MIN));
}

// A number of 64 bits.
struct Wide {
  Expr high, low;
};

// |x| * 2/pi modulo 4, in units of 2^-62, for |x| >= 1/2: the significand times those bits of 2/pi that
// matter.
Wide quarter_turns(const Expr& magnitude) {
  const Expr exponent = (magnitude >> 23) - i32(127);
  const Expr significand = (magnitude & i32(0x007fffff)) | i32(0x00800000);
  const Expr is_half = exponent < i32(0);
  const Expr factor = select(is_half, significand, significand << 1);
  const auto [first, second, third] = window(select(is_half, i32(0), exponent));
  const Expr middle = factor * second;
  const Expr low = middle + mul_high(factor, third);
  const Expr carry = select(is_less_unsigned(low, middle), i32(1), i32(0));
  return {.high = factor * first + mul_high(factor, second) + carry, .low = low};
}

// pi/2 * value, for `value` not negative, in units of 2^-64: its first 24 bits, exact as a float, and the
// next.
Expr to_radians(const Arithmetic& arithmetic, const Wide& value) {
  constexpr double kUnit = 0x1p-32 * std::numbers::pi / 2;
  constexpr float kUnitHigh = static_cast<float>(kUnit);
  const Expr top = to_f32(value.high & i32(0x7fffff80));
  const Expr rest = to_f32(((value.high & i32(0x7f)) << 24) | (value.low >> 8));
  const Expr low = arithmetic.fma(top, f32(kUnit - kUnitHigh), rest * f32(kUnit * 0x1p-24));
  return arithmetic.fma(top, f32(kUnitHigh), low);
}

}  // namespace

ReducedAngle reduce_angle(const Arithmetic& arithmetic, const Expr& x) {
  const Expr magnitude = bits(abs(x));
  const Wide turns = quarter_turns(magnitude);
  const Expr quarters = (turns.high + i32(int64_t{1} << 29)) >> 30;
  // The fraction, signed, then its sign and, but for a unit of the last place, its magnitude.
  const Wide fraction = {.high = (turns.high << 2) | (turns.low >> 30), .low = turns.low << 2};
  const Expr mask = select(fraction.high < i32(0), i32(-1), i32(0));
  const Expr radians = to_radians(arithmetic, {.high = fraction.high ^ mask, .low = fraction.low ^ mask});
  const Expr remainder = from_bits(bits(radians) | (mask & i32(INT32_MIN)));
  const Expr is_small = magnitude < i32(0x3f490fdb);  // pi/4
  return {.remainder = select(is_small, from_bits(magnitude), remainder),
          .quarters = select(is_small, i32(0), quarters)};
}

}  // namespace sinter::passes::math
