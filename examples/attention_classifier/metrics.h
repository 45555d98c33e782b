#pragma once

#include <span>
#include <string>

namespace attention_classifier {

struct EpochMetrics {
  int epoch;
  double loss;
  double train_accuracy;
  double dev_accuracy;
  double seconds;
};

// Writes a CSV file with the columns epoch,loss,train_accuracy,dev_accuracy,seconds, atomically. A number is
// printed with the fewest digits that read back as the same double. Throws sinter::RuntimeError where the
// file cannot be written.
void write_metrics(const std::string& path, std::span<const EpochMetrics> epochs);

}  // namespace attention_classifier
