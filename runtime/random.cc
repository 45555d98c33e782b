#include "runtime/random.h"

#include <cmath>
#include <numbers>

namespace sinter::runtime {

double normal_f64(RandomBits bits) {
  const double u = static_cast<double>((bits.first >> 8) + 1) * 0x1p-24;
  const double v = static_cast<double>(bits.second >> 8) * 0x1p-24;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

float normal_f32(RandomBits bits) {
  return static_cast<float>(normal_f64(bits));
}

}  // namespace sinter::runtime
