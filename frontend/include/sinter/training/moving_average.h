#pragma once

#include <sinter/export.h>
#include <sinter/parameters.h>

#include <memory>
#include <string>

namespace SINTER_EXPORT sinter {

class TrainingStates;

struct MovingAverageOptions {
  double decay = 0.999;  // how much of the average an update keeps; in [0,1)
  std::string name = "ema";
};

// A moving average of parameters, often better than what the last step left (Polyak and Juditsky, 1992):
//   average = average * decay + parameter * (1 - decay)
// of which the first update makes a copy of the parameters, as PyTorch's AveragedModel. Its state is
// "<name>.step" and "<name>.<parameter>", lives in the program, and is saved with it.
//
//   MovingAverage average;
//   train:    optimizer.minimize(loss); average.update(model);
//   evaluate: MovingAverage::Use averaged(average, model); return {{"loss", loss_of(model(in["x"]))}};
class MovingAverage {
 public:
  explicit MovingAverage(MovingAverageOptions options = {},
                         std::source_location where = std::source_location::current());
  MovingAverage(const MovingAverage&) = delete;
  MovingAverage& operator=(const MovingAverage&) = delete;
  ~MovingAverage();

  // In the function being traced, once: with the parameters as they are from here on, after minimize.
  void update(const Parameters& parameters, std::source_location where = std::source_location::current());
  // The average of a parameter; the parameter itself before the first update.
  Tensor of(const Variable& parameter, std::source_location where = std::source_location::current());

  // While it lives, the parameters read as their averages in the function being traced.
  class Use {
   public:
    Use(MovingAverage& average, const Parameters& parameters,
        std::source_location where = std::source_location::current());
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();

   private:
    std::vector<const Variable*> replaced_;
  };

 private:
  Variable& step() const;
  Variable& average_of(const Variable& parameter) const;

  MovingAverageOptions options_;
  std::shared_ptr<TrainingStates> states_;
};

}  // namespace sinter
