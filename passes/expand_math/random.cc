#include "passes/expand_math/random.h"

#include <numbers>

#include "passes/expand_math/functions.h"

namespace sinter::passes {
namespace {

using loop::Expr;
using loop::ScalarOp;
using loop::Type;
using math::f32;
using math::i32;
using math::operator&;
using math::operator^;
using math::operator<<;
using math::operator>>;

// The finaliser of MurmurHash3.
Expr mix32(Expr x) {
  x = (x ^ (x >> 16)) * i32(0x85ebca6b);
  x = (x ^ (x >> 13)) * i32(0xc2b2ae35);
  return x ^ (x >> 16);
}

Expr step() {
  return loop::context(loop::ContextValue::step);
}

Expr high_word(const Expr& index) {
  const Expr wide = loop::cast(index, Type::i64);
  return loop::cast(loop::apply(ScalarOp::shift_right, {wide, loop::integer(32, Type::i64)}), Type::i32);
}

Expr unsigned_f64(const Expr& x) {
  return loop::apply_as(ScalarOp::to_unsigned, Type::f64, {x});
}

Expr f64(double value) {
  return loop::number(value, Type::f64);
}

// cos(2 pi k / 2^24) for 0 <= k < 2^24: the angle is reduced to an eighth of a turn without rounding. Minimax
// in quarter turns, relative error 2^-28.0 of the sine, absolute error 2^-31.2 of the cosine.
Expr cos_of_turns(const math::Arithmetic& arithmetic, const Expr& k) {
  const Expr quarters = (k + i32(1 << 21)) >> 22;
  const Expr d = math::to_f32(k - (quarters << 22)) * f32(0x1p-22);
  const Expr z = d * d;
  const Expr rest =
      arithmetic.polynomial(z, {-0x1.2d792cp-8, 0x1.465e16p-4, -0x1.4abbb8p-1, -0x1.a33db0p-25});
  const Expr sine = arithmetic.fma(d, f32(0x1.921fb6p+0), d * rest);
  const Expr cosine =
      arithmetic.polynomial(z, {0x1.d47d48p-11, -0x1.55b146p-6, 0x1.03c1aep-2, -0x1.3bd3ccp+0, 1.0});
  const Expr is_odd = (quarters & i32(1)) == i32(1);
  const Expr magnitude = loop::select(is_odd, sine, cosine);
  // cos is negative in the second and third quarter around pi.
  const Expr flip = ((quarters + i32(1)) << 30) & i32(INT32_MIN);
  return math::from_bits(math::bits(magnitude) ^ flip);
}

}  // namespace

RandomStream random_stream(int64_t key, const Expr& salt) {
  const Expr high = loop::context(loop::ContextValue::seed_high);
  const Expr low = loop::context(loop::ContextValue::seed_low);
  const Expr held_salt = salt ? salt : i32(0);
  return {.key = mix32(low ^ mix32(high ^ mix32(i32(key)))),
          .salt = held_salt,
          .counter = mix32(step() ^ mix32(held_salt ^ mix32(i32(0))))};
}

// Philox2x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
RandomWords random_words(const RandomStream& stream, const Expr& index, int64_t size) {
  const Expr multiplier = i32(0xd256d193);
  Expr counter0 = loop::cast(index, Type::i32);
  Expr counter1 = size <= int64_t{1} << 32 ? stream.counter
                                           : mix32(step() ^ mix32(stream.salt ^ mix32(high_word(index))));
  for (int64_t round = 0; round < 10; ++round) {
    const Expr key = stream.key + i32(round * 0x9e3779b9);
    const Expr high = loop::apply(ScalarOp::mul_high, {multiplier, counter0}) ^ key ^ counter1;
    counter1 = counter0 * multiplier;
    counter0 = high;
  }
  return {.first = counter0, .second = counter1};
}

Expr uniform_f32(const RandomWords& words) {
  return math::to_f32(words.first >> 8) * f32(0x1p-24);
}

Expr uniform_f64(const RandomWords& words) {
  const Expr upper = unsigned_f64(words.first >> 5) * f64(0x1p26);
  return (upper + unsigned_f64(words.second >> 6)) * f64(0x1p-53);
}

Expr normal_f32(const RandomWords& words, const MathTarget& target) {
  const math::Arithmetic arithmetic{target};
  const Expr u = math::to_f32((words.first >> 8) + i32(1)) * f32(0x1p-24);
  const Expr radius = loop::apply(ScalarOp::sqrt, {math::log_of_normal(arithmetic, u) * f32(-2)});
  return radius * cos_of_turns(arithmetic, words.second >> 8);
}

Expr normal_f64(const RandomWords& words) {
  const Expr u = unsigned_f64((words.first >> 8) + i32(1)) * f64(0x1p-24);
  const Expr v = unsigned_f64(words.second >> 8) * f64(0x1p-24);
  const Expr radius = loop::apply(ScalarOp::sqrt, {loop::apply(ScalarOp::log, {u}) * f64(-2)});
  return radius * loop::apply(ScalarOp::cos, {v * f64(2 * std::numbers::pi)});
}

}  // namespace sinter::passes
