#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::tools {

// How far `value` is from the exact one, in units of the last place of an f32 of its size; an infinity stands
// for 2^128. Infinite where one is NaN, where signs differ (those of zeros too), where an infinity is missed.
inline double error_in_ulps(float value, double exact) {
  constexpr double kWrong = std::numeric_limits<double>::infinity(), kOverflow = 0x1p128;
  if (std::isnan(value) || std::isnan(exact)) return std::isnan(value) == std::isnan(exact) ? 0 : kWrong;
  if (std::signbit(value) != std::signbit(exact)) return kWrong;
  if (std::isinf(exact)) return std::isinf(value) ? 0 : kWrong;
  const double magnitude = std::min(std::fabs(exact), kOverflow);
  const double computed = std::min<double>(std::fabs(value), kOverflow);
  const int exponent = magnitude == 0 ? -126 : std::clamp(std::ilogb(magnitude), -126, 127);
  return std::fabs(computed - magnitude) / std::ldexp(1.0, exponent - 23);
}

}  // namespace sinter::tools
