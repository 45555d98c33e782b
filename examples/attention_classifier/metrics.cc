#include "examples/attention_classifier/metrics.h"

#include <fmt/format.h>

#include "runtime/file.h"

namespace attention_classifier {

void write_metrics(const std::string& path, std::span<const EpochMetrics> epochs) {
  std::string text = "epoch,loss,train_accuracy,dev_accuracy,seconds\n";
  for (const EpochMetrics& row : epochs) {
    text += fmt::format("{},{},{},{},{}\n", row.epoch, row.loss, row.train_accuracy, row.dev_accuracy,
                        row.seconds);
  }
  sinter::runtime::write_file_atomically(path, text);
}

}  // namespace attention_classifier
