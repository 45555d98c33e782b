#include <sinter/elementwise.h>
#include <sinter/optimizer.h>
#include <sinter/sources.h>

#include <algorithm>
#include <numbers>

#include "frontend/base/ranges.h"
#include "frontend/trace/trace.h"

namespace sinter {

LearningRate::LearningRate(Number number, const std::source_location& where) : value_(number.value) {
  Ranges("LearningRate", where).not_negative("rate", value_);
}

LearningRate::LearningRate(Schedule schedule, std::source_location where)
    : value_(0), schedule_(std::move(schedule)) {
  if (!schedule_) Ranges("LearningRate", where).fail("the schedule is empty");
}

Tensor LearningRate::at(const Tensor& step, std::source_location where) const {
  const Pin pin("LearningRate", where);
  return schedule_ ? schedule_(step) : full({}, value_);
}

LearningRate linear_decay(double rate, int64_t steps, double floor, std::source_location where) {
  const Ranges ranges("linear_decay", where);
  ranges.not_negative("rate", rate);
  ranges.at_least(1, "steps", steps);
  ranges.fraction("floor", floor);
  const double total = static_cast<double>(steps);
  return LearningRate::Schedule([=](const Tensor& step) { return maximum(1 - step / total, floor) * rate; });
}

LearningRate cosine_decay(double rate, int64_t warmup, int64_t steps, double lowest,
                          std::source_location where) {
  const Ranges ranges("cosine_decay", where);
  ranges.not_negative("rate", rate);
  ranges.at_least(1, "steps", steps);
  ranges.require(warmup >= 0 && warmup <= steps, "warmup", fmt::format("in [0,{}], the steps", steps),
                 warmup);
  ranges.require(lowest >= 0 && lowest <= rate, "lowest", fmt::format("in [0,{}], the rate", rate), lowest);
  // A warm-up of all steps is followed by the lowest rate at once.
  const double up = static_cast<double>(warmup);
  const double down = static_cast<double>(std::max<int64_t>(steps - warmup, 1));
  return LearningRate::Schedule([=](const Tensor& step) {
    const Tensor progress = clamp((step - up) / down, 0.0, 1.0);
    const Tensor falling = lowest + (cos(progress * std::numbers::pi) + 1) * ((rate - lowest) / 2);
    return sinter::where(step < up, (step + 1) * (rate / (up + 1)), falling);
  });
}

}  // namespace sinter
