#include <sinter/elementwise.h>
#include <sinter/optimizer.h>
#include <sinter/sources.h>

#include <numbers>

namespace sinter {

Tensor LearningRate::at(const Tensor& step) const {
  return schedule_ ? schedule_(step) : full({}, value_);
}

LearningRate linear_decay(double rate, int64_t steps, double floor) {
  const double total = static_cast<double>(steps);
  return LearningRate::Schedule([=](const Tensor& step) { return maximum(1 - step / total, floor) * rate; });
}

LearningRate cosine_decay(double rate, int64_t warmup, int64_t steps, double lowest) {
  const double up = static_cast<double>(warmup), down = static_cast<double>(steps - warmup);
  return LearningRate::Schedule([=](const Tensor& step) {
    const Tensor progress = clamp((step - up) / down, 0.0, 1.0);
    const Tensor falling = lowest + (cos(progress * std::numbers::pi) + 1) * ((rate - lowest) / 2);
    return where(step < up, (step + 1) * (rate / (up + 1)), falling);
  });
}

}  // namespace sinter
