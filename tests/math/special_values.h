#pragma once

#include <limits>
#include <vector>

namespace sinter::math_test {

// Zeros, denormals, integers odd and even, what is next to 1, infinities, NaN, and where results overflow or
// become denormal or zero.
inline std::vector<float> special_values() {
  using Limits = std::numeric_limits<float>;
  std::vector<float> values = {
      0.0f,        0.5f,         0.75f,        1.0f,        1.5f,      2.0f,       3.0f,      9.1f,
      17.5f,       87.5f,        88.7228f,     88.8f,       89.0f,     103.9f,     104.0f,    105.0f,
      1e-3f,       1e-10f,       8388607.0f,   0x1p23f,     0x1p24f,   16777215.f, 0x1.8p24f, 0x1p31f,
      0x1p127f,    1 + 0x1p-23f, 1 - 0x1p-24f, 0x1p-149f,   0x1p-140f, 0x1p-126f,  0x1p-125f, 0x1p-64f,
      3.14159274f, 1.57079637f,  0.785398185f, 0.785398126f};
  values.insert(values.end(), {Limits::max(), Limits::infinity(), Limits::quiet_NaN()});
  const size_t count = values.size();
  for (size_t i = 0; i < count; ++i) values.push_back(-values[i]);
  return values;
}

}  // namespace sinter::math_test
