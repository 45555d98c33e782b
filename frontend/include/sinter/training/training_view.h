#pragma once

#include <sinter/export.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace SINTER_EXPORT sinter {

// What a terminal shows while training goes on: how far it is, loss, learning rate, steps and rows a second,
// time left, and below that the curve of the loss as it grows. It is drawn anew at most ten times a second,
// and costs next to nothing between; where `file` is null or no terminal, nothing is ever drawn.
class TrainingView {
 public:
  struct Step {
    double loss = 0;
    std::optional<double> rate = {};  // of learning
    int64_t rows = 0;                 // of data; 0: not to be told
  };

  TrainingView(std::FILE* file, int64_t steps);  // to come, in all
  ~TrainingView();
  TrainingView(const TrainingView&) = delete;
  TrainingView& operator=(const TrainingView&) = delete;

  void step(const Step& step);
  // Takes the picture away, so that lines can be printed where it was; the next step has it again below them.
  void clear();

  // What it shows after so many seconds: lines of at most 80 columns.
  std::string text(double seconds) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sinter
