#pragma once

#include <cstdint>

namespace sinter {

// a / b and a multiple of b, rounded up. Of numbers that are not negative.
constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}
constexpr int64_t round_up(int64_t a, int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace sinter
