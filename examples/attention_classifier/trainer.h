#pragma once

#include <sinter/sinter.h>

#include <cstdint>
#include <optional>
#include <string>

#include "examples/attention_classifier/feed.h"
#include "examples/attention_classifier/metrics.h"
#include "examples/attention_classifier/model.h"
#include "examples/attention_classifier/windows.h"
#include "examples/support/processes.h"

namespace attention_classifier {

struct TrainingOptions {
  int64_t epochs = 8;
  int64_t batch = 32;
  int64_t micro_batches = 1;    // of a step, which divide the batch
  double learning_rate = 2e-3;  // falls in a straight line to 5 % of itself
  uint64_t seed = 1;
  std::string device = "cpu";
  int threads = 0;  // 0: all cores
  bool fuse = true;
  bool check_numerics = false;              // name the operation that a NaN or infinity comes from
  bool strict = false;                      // refuse what falls back
  bool explain = false;                     // print what the training step becomes
  bool profile = false;                     // time each kernel
  bool gives_rate = false;                  // the learning rate is an output of the training step
  std::string events;                       // folder for TensorBoard; empty: none
  bool watches_attention = false;           // so that attention() can be asked for
  examples::Processes processes = nullptr;  // which share the micro-batches
};

// A model in training, with its program.
class Trainer {
 public:
  // Throws sinter::Error where the training windows do not fill one batch, or the device is unknown.
  Trainer(const ModelOptions& model, const TrainingOptions& options, Windows train, Windows dev);

  int64_t steps_per_epoch() const { return train_.count() / options_.batch; }
  // The next epoch: every training window once, in a new order, but for a last batch that is not full; then
  // the accuracy on `dev`, which the first process alone measures. Throws sinter::Error that names the step
  // where a loss or gradient is not finite; the parameters are then those before it.
  EpochMetrics run_epoch();
  // Of the parameters as they are.
  double dev_accuracy();

  // How much each word of a window attends to each other, as the parameters are: f32[heads,10,10].
  sinter::Array attention(const Windows& window);

  const sinter::Program& program() const { return program_; }
  void export_to(const std::string& folder, const sinter::ExportOptions& options) {
    program_.export_to(folder, options);
  }

 private:
  struct Score {
    int64_t correct = 0;
    int64_t counted = 0;
    double accuracy() const;
  };
  static Score score_of(const sinter::Function& call);
  // Tells the terminal, and TensorBoard.
  void tell_step(double loss);
  void tell_epoch(const EpochMetrics& metrics, double seconds);

  TrainingOptions options_;
  Windows train_;
  Windows dev_;
  AttentionClassifier model_;
  sinter::AdamW optimizer_;
  sinter::Program program_;
  sinter::Function train_call_;
  sinter::Function evaluate_call_;
  Feed train_feed_;
  Feed evaluate_feed_;
  Windows batch_;
  sinter::TrainingView view_;
  std::optional<sinter::EventFile> events_;
  int epoch_ = 0;
};

}  // namespace attention_classifier
