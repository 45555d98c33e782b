#pragma once

#include <optional>
#include <string>

#include "examples/char_model/generator.h"
#include "examples/char_model/model.h"
#include "examples/char_model/trainer.h"

namespace char_model {

struct TrainCommand {
  std::string text;  // a file; empty: the sonnets
  ModelOptions model;
  TrainingOptions training;
  std::string metrics;  // empty: none
  std::string report;   // the same
};

struct GenerateCommand {
  std::string load;
  std::string prompt = "\n";
  int64_t length = 500;
  GenerationOptions generation;
};

struct Command {
  std::optional<TrainCommand> train;
  std::optional<GenerateCommand> generate;
};

// One part of the result is set, or none where the command line was answered already: help, on stdout. Throws
// examples::UsageError.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace char_model
