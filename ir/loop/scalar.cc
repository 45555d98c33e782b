#include "ir/loop/scalar.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/error.h"

namespace sinter::loop {
namespace {

[[noreturn]] void unexpected(ScalarOp op, Type type) {
  throw InternalError(fmt::format("{} does not compute in {}", name(op), name(type)));
}

// Integers wrap around: computed without a sign, then cut to the type.
int64_t wrap(uint64_t value, Type type) {
  if (type == Type::i32) return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

int64_t floor_div(int64_t x, int64_t y) {
  if (y == 0) return 0;
  if (y == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(x));
  const int64_t quotient = x / y;
  return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
}

int64_t floor_rem(int64_t x, int64_t y) {
  if (y == 0 || y == -1) return 0;
  const int64_t remainder = x % y;
  return remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder;
}

int64_t integer_pow(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  uint64_t result = 1;
  for (uint64_t power = static_cast<uint64_t>(base); exponent != 0; exponent >>= 1, power *= power) {
    if (exponent & 1) result *= power;
  }
  return static_cast<int64_t>(result);
}

double floor_rem(double x, double y) {
  const double remainder = std::fmod(x, y);
  if (remainder == 0) return std::copysign(0.0, y);
  return (remainder < 0) != (y < 0) ? remainder + y : remainder;
}

int64_t shift(ScalarOp op, Type type, int64_t x, int64_t count) {
  const int64_t bits = type == Type::i32 ? 32 : 64;
  if (count < 0 || count >= bits)
    throw InternalError(fmt::format("{} of {} bits by {}", name(op), bits, count));
  const uint64_t value = type == Type::i32 ? static_cast<uint32_t>(x) : static_cast<uint64_t>(x);
  return wrap(op == ScalarOp::shift_left ? value << count : value >> count, type);
}

template <typename T>
bool compare(ScalarOp op, Type type, T x, T y) {
  switch (op) {
    case ScalarOp::equal:
      return x == y;
    case ScalarOp::not_equal:
      return x != y;
    case ScalarOp::less:
      return x < y;
    case ScalarOp::less_equal:
      return x <= y;
    case ScalarOp::greater:
      return x > y;
    case ScalarOp::greater_equal:
      return x >= y;
    default:
      unexpected(op, type);
  }
}

int64_t integer_op(ScalarOp op, Type type, int64_t x, int64_t y) {
  const uint64_t a = static_cast<uint64_t>(x), b = static_cast<uint64_t>(y);
  switch (op) {
    case ScalarOp::neg:
      return wrap(0 - a, type);
    case ScalarOp::abs:
      return x < 0 ? wrap(0 - a, type) : x;
    case ScalarOp::sign:
      return (x > 0) - (x < 0);
    case ScalarOp::floor:
    case ScalarOp::ceil:
    case ScalarOp::round:
      return x;
    case ScalarOp::logical_not:
      return type == Type::boolean ? x == 0 : ~x;
    case ScalarOp::add:
      return wrap(a + b, type);
    case ScalarOp::sub:
      return wrap(a - b, type);
    case ScalarOp::mul:
      return wrap(a * b, type);
    case ScalarOp::div:
      return wrap(static_cast<uint64_t>(floor_div(x, y)), type);
    case ScalarOp::rem:
      return floor_rem(x, y);
    case ScalarOp::pow:
      return wrap(static_cast<uint64_t>(integer_pow(x, y)), type);
    case ScalarOp::max:
      return x > y ? x : y;
    case ScalarOp::min:
      return x < y ? x : y;
    case ScalarOp::logical_and:
      return x & y;
    case ScalarOp::logical_or:
      return x | y;
    case ScalarOp::logical_xor:
      return x ^ y;
    case ScalarOp::shift_left:
    case ScalarOp::shift_right:
      return shift(op, type, x, y);
    case ScalarOp::mul_high:
      return wrap(static_cast<uint64_t>(static_cast<uint32_t>(x)) * static_cast<uint32_t>(y) >> 32, type);
    default:
      return compare(op, type, x, y);
  }
}

// In double. Rounding the result once more to f32 gives what f32 arithmetic gives for add, sub, mul, div and
// sqrt, because 53 bits are at least twice 24 and two.
double floating_op(ScalarOp op, double x, double y) {
  switch (op) {
    case ScalarOp::neg:
      return -x;
    case ScalarOp::abs:
      return std::fabs(x);
    case ScalarOp::sign:
      return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x;  // numpy's: 0.0 for -0.0 too
    case ScalarOp::exp:
      return std::exp(x);
    case ScalarOp::exp2:
      return std::exp2(x);
    case ScalarOp::expm1:
      return std::expm1(x);
    case ScalarOp::log:
      return std::log(x);
    case ScalarOp::log1p:
      return std::log1p(x);
    case ScalarOp::sqrt:
      return std::sqrt(x);
    case ScalarOp::rsqrt:
      return 1 / std::sqrt(x);
    case ScalarOp::sin:
      return std::sin(x);
    case ScalarOp::cos:
      return std::cos(x);
    case ScalarOp::tanh:
      return std::tanh(x);
    case ScalarOp::erf:
      return std::erf(x);
    case ScalarOp::floor:
      return std::floor(x);
    case ScalarOp::ceil:
      return std::ceil(x);
    case ScalarOp::round:
      return std::nearbyint(x);
    case ScalarOp::add:
      return x + y;
    case ScalarOp::sub:
      return x - y;
    case ScalarOp::mul:
      return x * y;
    case ScalarOp::div:
      return x / y;
    case ScalarOp::rem:
      return floor_rem(x, y);
    case ScalarOp::pow:
      return std::pow(x, y);
    case ScalarOp::max:
      return std::isnan(x) || x > y ? x : y;
    case ScalarOp::min:
      return std::isnan(x) || x < y ? x : y;
    default:
      unexpected(op, Type::f64);
  }
}

double rounded(double value, Type type) {
  return type == Type::f32 ? static_cast<float>(value) : value;
}

int64_t truncated(double value, Type type) {
  if (std::isnan(value)) return 0;
  const bool narrow = type == Type::i32;
  const int64_t least = narrow ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
  const int64_t most = narrow ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  if (value <= static_cast<double>(least)) return least;
  if (value >= static_cast<double>(most)) return most;
  return static_cast<int64_t>(value);
}

}  // namespace

Scalar evaluate(ScalarOp op, Type operand, Type result, std::span<const Scalar> args) {
  if (op == ScalarOp::select) return args[0].integer ? args[1] : args[2];
  if (op == ScalarOp::fma) {
    const double x = args[0].number, y = args[1].number, z = args[2].number;
    if (result == Type::f64) return {.number = std::fma(x, y, z)};
    return {.number = std::fma(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z))};
  }
  if (op == ScalarOp::to_unsigned) {
    const uint32_t value = static_cast<uint32_t>(args[0].integer);
    if (!is_floating(result)) return {.integer = value};
    return {.number = rounded(value, result)};
  }
  const Scalar x = args[0], y = args.size() > 1 ? args[1] : Scalar{};
  if (!is_floating(operand)) return {.integer = integer_op(op, operand, x.integer, y.integer)};
  if (op == ScalarOp::is_finite) return {.integer = std::isfinite(x.number)};
  if (result == Type::boolean) return {.integer = compare(op, operand, x.number, y.number)};
  return {.number = rounded(floating_op(op, x.number, y.number), result)};
}

Scalar evaluate_cast(Scalar x, Type from, Type to) {
  if (to == Type::boolean) return {.integer = is_floating(from) ? x.number != 0 : x.integer != 0};
  if (is_floating(from)) {
    if (is_floating(to)) return {.number = rounded(x.number, to)};
    return {.integer = truncated(x.number, to)};
  }
  if (to == Type::f32) return {.number = static_cast<float>(x.integer)};
  if (to == Type::f64) return {.number = static_cast<double>(x.integer)};
  return {.integer = wrap(static_cast<uint64_t>(x.integer), to)};
}

Scalar evaluate_bitcast(Scalar x, Type from) {
  switch (from) {
    case Type::f32:
      return {.integer = std::bit_cast<int32_t>(static_cast<float>(x.number))};
    case Type::f64:
      return {.integer = std::bit_cast<int64_t>(x.number)};
    case Type::i32:
      return {.number = std::bit_cast<float>(static_cast<int32_t>(x.integer))};
    case Type::i64:
      return {.number = std::bit_cast<double>(x.integer)};
    default:
      throw InternalError(fmt::format("bitcast of {}", name(from)));
  }
}

}  // namespace sinter::loop
