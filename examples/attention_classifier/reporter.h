#pragma once

#include <sinter/training/report.h>

#include <span>
#include <string>
#include <vector>

#include "examples/attention_classifier/metrics.h"
#include "examples/attention_classifier/trainer.h"
#include "examples/attention_classifier/vocabulary.h"

namespace attention_classifier {

// Notes for a report what attention makes of one sentence as training goes on.
class Reporter {
 public:
  // Of at most a window's words. The trainer has to watch attention.
  Reporter(Trainer& trainer, const Vocabulary& vocabulary, std::vector<std::string> words);

  void note(const std::string& moment);  // "epoch 3"
  void write(const std::string& path, std::span<const EpochMetrics> epochs) const;

 private:
  Trainer& trainer_;
  Windows window_;
  sinter::ReportHeatMaps attention_;
};

}  // namespace attention_classifier
