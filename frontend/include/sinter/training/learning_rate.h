#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

#include <concepts>
#include <functional>

// Learning rates, as functions of the step; what they compute is part of the program.
namespace SINTER_EXPORT sinter {

// How fast to learn: a number, finite and not negative, or a function of the step, an f32 scalar that counts
// the updates made before this one.
class LearningRate {
 public:
  using Schedule = std::function<Tensor(const Tensor& step)>;

  template <Scalar T>
  LearningRate(T value, std::source_location where = std::source_location::current())
      : LearningRate(Number{static_cast<double>(value)}, where) {}
  template <std::invocable<const Tensor&> F>
  LearningRate(F schedule, std::source_location where = std::source_location::current())
      : LearningRate(Schedule(std::move(schedule)), where) {}
  LearningRate(Schedule schedule, std::source_location where = std::source_location::current());

  Tensor at(const Tensor& step, std::source_location where = std::source_location::current()) const;

 private:
  struct Number {
    double value;
  };
  LearningRate(Number number, const std::source_location& where);

  double value_ = 0;
  Schedule schedule_;
};

// From `rate` down in a straight line, reaching 0 after `steps` (at least 1), but never below `floor` * rate;
// `floor` is in [0,1].
LearningRate linear_decay(double rate, int64_t steps, double floor = 0,
                          std::source_location where = std::source_location::current());
// Up in a straight line to `rate` during `warmup` steps, then down half a cosine to `lowest` at `steps` (at
// least 1), where it stays (nanoGPT's get_lr). `warmup` is in [0,steps], `lowest` in [0,rate].
LearningRate cosine_decay(double rate, int64_t warmup, int64_t steps, double lowest = 0,
                          std::source_location where = std::source_location::current());
// rate * factor^(step / every), in whole steps where `every` is above 1: factor is in (0,1], every at
// least 1.
LearningRate exponential_decay(double rate, double factor, int64_t every = 1,
                               std::source_location where = std::source_location::current());

struct OneCycleOptions {
  double rising = 0.3;  // the share of the steps in which the rate rises; in (0,1)
  double start = 25;    // it begins at rate / start; at least 1
  double end = 1e4;     // and ends at rate / start / end; at least 1
};
// Up half a cosine to `rate`, then down half a cosine, in `steps` (at least 2), and the last value from then
// on (PyTorch's OneCycleLR; Smith and Topin, "Super-convergence", 2018).
LearningRate one_cycle(double rate, int64_t steps, const OneCycleOptions& options = {},
                       std::source_location where = std::source_location::current());
// Up in a straight line during `steps` (at least 1) to what `after` begins with, then `after`, whose step 0
// is that one.
LearningRate warm_up(int64_t steps, LearningRate after,
                     std::source_location where = std::source_location::current());

struct PlateauOptions {
  double factor = 0.1;      // in (0,1)
  int64_t patience = 10;    // evaluations without a better one; not negative
  double threshold = 1e-4;  // better: below the best by this share of it; not negative
  double lowest = 0;        // of the rate; not negative
};
// A rate that falls when a measure (a validation loss) no longer does, to be given to a step as an input and
// to `minimize` as its learning_rate (PyTorch's ReduceLROnPlateau).
class Plateau {
 public:
  explicit Plateau(double rate, PlateauOptions options = {},
                   std::source_location where = std::source_location::current());

  // Told after each evaluation; NaN is no better than anything.
  double update(double measure);
  double rate() const { return rate_; }

 private:
  PlateauOptions options_;
  double rate_, best_;
  int64_t worse_ = 0;  // evaluations since the best one
};

}  // namespace sinter
