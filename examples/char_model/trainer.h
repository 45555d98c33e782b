#pragma once

#include <sinter/sinter.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "examples/char_model/model.h"
#include "examples/char_model/text.h"

namespace char_model {

constexpr int64_t kDefaultSteps = 2000;

struct TrainingOptions {
  // In all, over which the learning rate falls; left out: kDefaultSteps, or those of the run to resume.
  std::optional<int64_t> steps = {};
  int64_t batch = 12;   // windows a step
  double rate = 2e-3;   // the highest; after 100 steps of warm-up it falls to a tenth
  int64_t every = 250;  // steps between evaluations
  int64_t micro_batches = 1;
  std::string folder = "char_model.checkpoints";  // one at each evaluation
  bool resume = false;                            // go on from the latest of them
  std::string events;                             // folder for TensorBoard; empty: none
  sinter::CompileOptions compile;
};

// How far training is.
struct Progress {
  int64_t step = 0;
  double loss = 0;          // mean over the steps since the one before
  double validation = 0;    // loss on a part of the text that is not trained on
  double milliseconds = 0;  // a step
};

// Trains on the first nine tenths of a text, and measures on the rest, which the first of several processes
// does.
class Trainer {
 public:
  // Throws sinter::Error where the text is too short, or the run to resume was begun with other options than
  // now, or has as many steps already. Where it was to have other steps, it goes on with the learning rate
  // of a run of so many.
  Trainer(const ModelOptions& model, const TrainingOptions& options, const std::u32string& text);

  int64_t parameter_count() const { return model_.parameter_count(); }
  int64_t step() const { return program_.step(); }
  int64_t steps() const { return steps_; }
  // All steps that are left.
  void run(const std::function<void(const Progress&)>& report);
  sinter::Program& program() { return program_; }
  double validation_loss();  // over all that is not trained on; 0 on all processes but the first

 private:
  struct Split {
    sinter::Array train, validation;
  };
  static Split split(const Vocabulary& vocabulary, const std::u32string& text, int64_t context);
  Trainer(const ModelOptions& model, const TrainingOptions& options, const Vocabulary& vocabulary,
          Split split, const std::optional<sinter::Checkpoint>& latest);

  void resume(const sinter::Checkpoint& latest);
  double estimate();
  double mean_loss(sinter::Batches& batches, int64_t count);
  sinter::CheckpointNotes notes(double validation) const;

  const sinter::Dim rows_{"rows"};
  const TrainingOptions options_;
  const int64_t steps_;
  std::map<std::string, std::string> recipe_;  // what a run that goes on has to have in common
  Model model_;
  sinter::AdamW optimizer_;
  sinter::Batches batches_;
  sinter::Windows validation_;
  sinter::Checkpoints checkpoints_;
  sinter::Program program_;
};

}  // namespace char_model
