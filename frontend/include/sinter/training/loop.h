#pragma once

#include <sinter/data/batches.h>
#include <sinter/export.h>
#include <sinter/program.h>
#include <sinter/training/checkpoint.h>
#include <sinter/training/event_file.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

// A training loop. Nothing requires it: a program can always be called by hand.
namespace SINTER_EXPORT sinter {

// The outputs of a function, added up over batches: those of f32 and i32, of at most 16384 elements.
class Totals {
 public:
  void add(const Function& function, int64_t rows);  // after a call, of so many rows

  bool has(const std::string& output) const;
  std::vector<std::string> scalars() const;  // the names of those that have a mean
  // Both throw Error that lists the outputs.
  double mean(const std::string& output) const;  // of a scalar: weighted by the batches' rows
  Array sum(const std::string& output) const;    // f64: of counts (metrics.h)
  int64_t rows() const { return rows_; }

 private:
  struct Total {
    Shape shape;
    std::vector<double> sum, weighted;
  };
  const Total& find(const std::string& output) const;

  std::map<std::string, Total> all_;
  int64_t rows_ = 0;
};

struct EpochReport {
  int64_t epoch = 0;     // from 0
  uint32_t step = 0;     // Program::step at its end
  Totals training;       // of this call: without what came before a checkpoint inside the epoch
  Totals evaluation;     // empty where there is none
  double measure = 0;    // the lower the better
  bool is_best = false;  // of all epochs up to this one
  double seconds = 0;
};

struct TrainOptions {
  int64_t epochs = 1;
  std::string function = "train";
  Batches* evaluation = nullptr;  // one pass over these after each epoch, by `evaluate`
  std::string evaluate = "evaluate";
  // Sets inputs of the training function that are not columns of the data: a learning rate, say.
  std::function<void(Function& function, const Batch& batch)> before_step = nullptr;
  std::set<std::string> inputs = {};  // their names
  std::function<void(const Function& function, const Batch& batch)> after_step = nullptr;
  std::function<void(const EpochReport& report)> after_epoch = nullptr;
  // How good an epoch was, the lower the better; left out, the mean "loss" of evaluation, or of training
  // where there is no evaluation.
  std::function<double(const EpochReport& report)> measure = nullptr;
  int64_t patience = 0;  // stop after so many epochs without a better measure; 0: never
  // Resume from the latest one, and save one after each epoch, with its measure.
  Checkpoints* checkpoints = nullptr;
  int64_t save_every = 0;  // also after so many steps; 0: only after epochs
  // Where to print a line for each epoch, and on a terminal how it goes meanwhile (training_view.h), with
  // the rate that the function gives as "learning_rate": stdout, say. Null: nowhere.
  std::FILE* progress = nullptr;
  // Gets the scalar outputs of type f32 of every step, and after each epoch the rows a second, the measure,
  // and the means of evaluation as "evaluation/loss".
  EventFile* events = nullptr;
};

// Trains until the last epoch, or until patience ends; returns the epochs that this call has trained. A run
// resumed from a checkpoint continues bit for bit. Errors of a step name its epoch and batch.
std::vector<EpochReport> train(Program& program, Batches& batches, const TrainOptions& options = {});

// One pass over all batches, from the first.
Totals evaluate(Program& program, Batches& batches, const std::string& function = "evaluate");

}  // namespace sinter
