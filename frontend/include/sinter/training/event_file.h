#pragma once

#include <sinter/export.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace SINTER_EXPORT sinter {

// Measures as they come, for TensorBoard: `tensorboard --logdir FOLDER`. Each object is a file of its own in
// the folder, which is made where it is not there, and TensorBoard shows each folder below as a run.
class EventFile {
 public:
  explicit EventFile(const std::string& folder);  // throws Error where it cannot be written

  // The value of a measure, "loss" or "validation/loss", at a step. It is there to be read at once.
  void add(const std::string& measure, int64_t step, double value);

 private:
  void write(const std::string& record);

  std::string path_;
  std::shared_ptr<std::FILE> file_;
};

}  // namespace sinter
