#pragma once

#include <cstdint>

// Floating-point operations of contractions; everything else is small beside them.
namespace sinter::bench {

// A training step makes two gradients for each product.
inline constexpr double kTraining = 3;

inline double linear_flops(double rows, double in, double out) {
  return 2 * rows * in * out;
}

// Scores and weighted sum. A causal mask leaves half of them.
inline double attention_flops(double batch, double heads, double length, double width, bool causal) {
  return 4 * batch * heads * length * length * width * (causal ? 0.5 : 1);
}
// The backward pass computes the scores again: 5 products after the forward pass's 2.
inline constexpr double kTrainingAttention = 3.5;

}  // namespace sinter::bench
