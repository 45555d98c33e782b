#pragma once

#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <type_traits>

// What each elementwise op does to one element: a function of the op's name.
namespace sinter::reference::scalar {

template <typename T>
concept Integer = std::signed_integral<T>;

// Integers wrap around, which C++ only promises for unsigned ones.
template <Integer T, typename F>
T wrapping(T x, T y, F f) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(f(static_cast<U>(x), static_cast<U>(y)));
}

template <typename T>
T neg(T x) {
  if constexpr (Integer<T>) return wrapping(T{0}, x, std::minus<>());
  return -x;
}
template <typename T>
T abs(T x) {
  if constexpr (Integer<T>) return x < 0 ? neg(x) : x;
  return std::fabs(x);
}
template <typename T>
T sign(T x) {
  if (x > T{0}) return T{1};
  if (x < T{0}) return static_cast<T>(-1);
  return x == T{0} ? T{0} : x;
}

// What the standard library has.
#define SINTER_STANDARD(op) \
  template <typename T>     \
  T op(T x) {               \
    return std::op(x);      \
  }
SINTER_STANDARD(exp)
SINTER_STANDARD(expm1)
SINTER_STANDARD(log)
SINTER_STANDARD(log1p)
SINTER_STANDARD(sqrt)
SINTER_STANDARD(sin)
SINTER_STANDARD(cos)
SINTER_STANDARD(tanh)
SINTER_STANDARD(erf)
#undef SINTER_STANDARD
template <typename T>
T rsqrt(T x) {
  return T{1} / std::sqrt(x);
}
template <typename T>
T floor(T x) {
  if constexpr (Integer<T>) return x;
  return std::floor(x);
}
template <typename T>
T ceil(T x) {
  if constexpr (Integer<T>) return x;
  return std::ceil(x);
}
// Half to even, the rounding mode that programs start with.
template <typename T>
T round(T x) {
  if constexpr (Integer<T>) return x;
  return std::nearbyint(x);
}
template <typename T>
bool is_finite(T x) {
  return std::isfinite(x);
}
template <typename T>
T logical_not(T x) {
  if constexpr (std::same_as<T, bool>) {
    return !x;
  } else {
    return static_cast<T>(~x);
  }
}

template <typename T>
T add(T x, T y) {
  if constexpr (Integer<T>) return wrapping(x, y, std::plus<>());
  return x + y;
}
template <typename T>
T sub(T x, T y) {
  if constexpr (Integer<T>) return wrapping(x, y, std::minus<>());
  return x - y;
}
template <typename T>
T mul(T x, T y) {
  if constexpr (Integer<T>) return wrapping(x, y, std::multiplies<>());
  return x * y;
}
template <typename T>
T rem(T x, T y) {
  if constexpr (Integer<T>) {
    if (y == 0 || y == -1) return 0;
    const T remainder = x % y;
    return remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder;
  } else {
    const T remainder = std::fmod(x, y);
    if (remainder == 0) return std::copysign(T{0}, y);
    return (remainder < 0) != (y < 0) ? remainder + y : remainder;
  }
}
template <typename T>
T div(T x, T y) {
  if constexpr (Integer<T>) {
    if (y == 0) return 0;
    if (y == -1) return neg(x);
    const T quotient = x / y;
    return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
  }
  return x / y;
}
template <typename T>
T pow(T x, T y) {
  if constexpr (Integer<T>) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 == 0 ? 1 : -1) : 0;
    T result = 1;
    for (; y > 0; y /= 2) {
      if (y % 2 == 1) result = mul(result, x);
      x = mul(x, x);
    }
    return result;
  } else {
    return std::pow(x, y);
  }
}
template <typename T>
T max(T x, T y) {
  return x >= y || x != x ? x : y;
}
template <typename T>
T min(T x, T y) {
  return x <= y || x != x ? x : y;
}
template <typename T>
T logical_and(T x, T y) {
  return static_cast<T>(x & y);
}
template <typename T>
T logical_or(T x, T y) {
  return static_cast<T>(x | y);
}
template <typename T>
T logical_xor(T x, T y) {
  return static_cast<T>(x ^ y);
}
#define SINTER_COMPARISON(name, sign) \
  template <typename T>               \
  bool name(T x, T y) {               \
    return x sign y;                  \
  }
SINTER_COMPARISON(equal, ==)
SINTER_COMPARISON(not_equal, !=)
SINTER_COMPARISON(less, <)
SINTER_COMPARISON(less_equal, <=)
SINTER_COMPARISON(greater, >)
SINTER_COMPARISON(greater_equal, >=)
#undef SINTER_COMPARISON

// From floating to integer it truncates and saturates; NaN gives 0. Integers wrap around.
template <typename To, typename From>
To cast(From x) {
  if constexpr (std::same_as<To, bool>) {
    return x != From{0};
  } else if constexpr (std::floating_point<From> && std::integral<To>) {
    using Limits = std::numeric_limits<To>;
    if (x != x) return 0;
    // The largest integer may round up when made floating, the lowest is a power of two.
    if (x >= static_cast<From>(Limits::max())) return Limits::max();
    if (x <= static_cast<From>(Limits::lowest())) return Limits::lowest();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace sinter::reference::scalar
