#pragma once

#include <optional>
#include <string>

#include "examples/attention_classifier/model.h"
#include "examples/attention_classifier/predictor.h"
#include "examples/attention_classifier/trainer.h"

namespace attention_classifier {

struct TrainCommand {
  std::string train;  // CoNLL-U files; both empty: the generated language
  std::string dev;
  int64_t heads = 4;
  Features features = Features::all;
  TrainingOptions training;
  std::string metrics;  // empty: none
  std::string save;     // empty: nowhere
  bool profile = false;
  std::string trace;   // when each kernel ran; empty: none
  std::string report;  // empty: none
};

// Of a model of the generated language, for a program without Sinter.
struct ExportCommand {
  std::string out;  // a folder
  std::string target = "native";
  TrainingOptions training;
};

struct PredictCommand {
  std::string load;
  std::optional<std::string> sentence;  // none: the example in the file
  DeviceOptions device;
};

struct Command {
  std::optional<TrainCommand> train;
  std::optional<PredictCommand> predict;
  std::optional<ExportCommand> exporting;
};

// One part of the result is set, or none where the command line was answered already: help, on stdout. Throws
// examples::UsageError.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace attention_classifier
