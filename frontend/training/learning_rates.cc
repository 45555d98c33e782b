#include <sinter/elementwise.h>
#include <sinter/sources.h>
#include <sinter/training/learning_rate.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

LearningRate exponential_decay(double rate, double factor, int64_t every, std::source_location where) {
  const Ranges ranges("exponential_decay", where);
  ranges.not_negative("rate", rate);
  ranges.require(factor > 0 && factor <= 1, "factor", "in (0,1]", factor);
  ranges.at_least(1, "every", every);
  return LearningRate::Schedule([=](const Tensor& step) {
    const Tensor times = every == 1 ? step : floor(step / static_cast<double>(every));
    return exp(times * std::log(factor)) * rate;
  });
}

LearningRate one_cycle(double rate, int64_t steps, const OneCycleOptions& options,
                       std::source_location where) {
  const Ranges ranges("one_cycle", where);
  ranges.not_negative("rate", rate);
  ranges.at_least(2, "steps", steps);
  ranges.require(options.rising > 0 && options.rising < 1, "rising", "in (0,1)", options.rising);
  ranges.require(options.start >= 1 && std::isfinite(options.start), "start", "finite and at least 1",
                 options.start);
  ranges.require(options.end >= 1 && std::isfinite(options.end), "end", "finite and at least 1", options.end);
  const double last = static_cast<double>(steps - 1);
  const double peak = std::max(options.rising * static_cast<double>(steps) - 1, 0.0);
  const double first = rate / options.start, lowest = first / options.end;
  // From `a` down or up to `b` half a cosine.
  const auto along = [](double a, double b, const Tensor& share) {
    return b + (cos(share * std::numbers::pi) + 1) * ((a - b) / 2);
  };
  return LearningRate::Schedule([=](const Tensor& step) {
    const Tensor falling = along(rate, lowest, clamp((step - peak) / (last - peak), 0, 1));
    if (peak == 0) return falling;
    return sinter::where(step <= peak, along(first, rate, step / peak), falling);
  });
}

LearningRate warm_up(int64_t steps, LearningRate after, std::source_location where) {
  Ranges("warm_up", where).at_least(1, "steps", steps);
  const double up = static_cast<double>(steps);
  return LearningRate::Schedule([=, after = std::move(after)](const Tensor& step) {
    const Tensor rate = after.at(maximum(step - up, 0));
    return rate * minimum((step + 1) / (up + 1), 1);
  });
}

Plateau::Plateau(double rate, PlateauOptions options, std::source_location where)
    : options_(options), rate_(rate), best_(std::numeric_limits<double>::infinity()) {
  const Ranges ranges("Plateau", where);
  ranges.not_negative("rate", rate);
  ranges.require(options.factor > 0 && options.factor < 1, "factor", "in (0,1)", options.factor);
  ranges.at_least(0, "patience", options.patience);
  ranges.not_negative("threshold", options.threshold);
  ranges.not_negative("lowest", options.lowest);
}

double Plateau::update(double measure) {
  if (measure < best_ - std::abs(best_) * options_.threshold || (std::isinf(best_) && measure < best_)) {
    best_ = measure;
    worse_ = 0;
  } else if (++worse_ > options_.patience) {
    rate_ = std::max(rate_ * options_.factor, std::min(rate_, options_.lowest));
    worse_ = 0;
  }
  return rate_;
}

}  // namespace sinter
