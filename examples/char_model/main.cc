#include <fmt/format.h>
#include <sinter/sinter.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "examples/char_model/generator.h"
#include "examples/char_model/options.h"
#include "examples/char_model/text.h"
#include "examples/char_model/trainer.h"
#include "examples/support/processes.h"
#include "examples/support/utf8.h"
#include "runtime/file.h"

namespace char_model {
namespace {

constexpr int64_t kShortestText = 100;

// A run that begins anew does so in a folder without another one's checkpoints.
void clear(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) return;
  const auto old = sinter::Checkpoints(folder).list();
  for (const sinter::Checkpoint& one : old) std::filesystem::remove(one.path);
  if (!old.empty()) fmt::print("removed the checkpoints of an earlier run from {}: {}\n", folder, old.size());
}

void train(TrainCommand command, const examples::Processes& processes) {
  examples::check_micro_batches(command.training.micro_batches, command.training.batch, processes);
  command.training.compile.communicator = processes;
  if (!examples::is_first(processes)) {
    for (std::string* output : {&command.metrics, &command.report, &command.training.events}) output->clear();
  }
  const std::u32string text =
      command.text.empty() ? examples::decode_utf8(default_text()) : read_text(command.text, kShortestText);
  command.model.characters = Vocabulary(text).size();
  for (const std::string& path : {command.metrics, command.report}) {
    if (!path.empty()) sinter::runtime::check_writable(path);
  }
  Trainer trainer(command.model, command.training, text);
  if (!command.training.resume && examples::is_first(processes)) clear(command.training.folder);
  fmt::print("{}: {} characters, {} distinct ones; {} parameters\n",
             command.text.empty() ? "ten sonnets" : command.text, text.size(), command.model.characters,
             trainer.parameter_count());
  if (trainer.step() == trainer.steps()) {
    fmt::print("has all {} steps; with more --steps it is trained further\n", trainer.steps());
  } else if (command.training.resume) {
    fmt::print("goes on from step {} to {}\n", trainer.step(), trainer.steps());
  }
  std::fflush(stdout);
  if (!command.report.empty()) trainer.program().start_profile();
  sinter::ReportCurve loss{.name = "loss", .along = "step"},
      validation{.name = "validation loss", .along = "step"};
  std::string csv = "step,loss,validation_loss\n";
  trainer.run([&](const Progress& progress) {
    fmt::print("step {:>5}  loss {:.4f}  validation {:.4f}  {:.2f} ms/step\n", progress.step, progress.loss,
               progress.validation, progress.milliseconds);
    std::fflush(stdout);
    loss.points.emplace_back(progress.step, progress.loss);
    validation.points.emplace_back(progress.step, progress.validation);
    csv += fmt::format("{},{},{}\n", progress.step, progress.loss, progress.validation);
    if (!command.metrics.empty()) sinter::runtime::write_file_atomically(command.metrics, csv);
  });
  fmt::print("validation loss {:.4f} over all of the last tenth; checkpoints are in {}\n",
             trainer.validation_loss(), command.training.folder);
  if (!command.report.empty())
    trainer.program().report(command.report, {.title = "character model", .curves = {loss, validation}});
}

void generate(const GenerateCommand& command) {
  if (command.prompt.empty()) throw sinter::Error("--prompt: has no character to write on from");
  if (!examples::is_utf8(command.prompt)) throw sinter::Error("--prompt: is no text in UTF-8");
  Generator generator(command.load, command.generation);
  generator.begin(examples::decode_utf8(command.prompt));
  fmt::print("{}", command.prompt);
  const auto write = [&] {
    fmt::print("{}", generator.next());
    std::fflush(stdout);
  };
  if (command.length > 0) write();  // the code is made for it
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 1; i < command.length; ++i) write();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  fmt::print("\n");
  if (command.length > 1) {
    fmt::print(stderr, "{:.3f} ms a character\n", time.count() / static_cast<double>(command.length - 1));
  }
}

}  // namespace
}  // namespace char_model

int main(int argc, char** argv) {
  using namespace char_model;
  return examples::run("char_model", examples::all_processes, [&](const auto& processes) {
    const Command command = parse_command_line(argc, argv);
    if (command.train) return train(*command.train, processes);
    if (command.generate && examples::is_first(processes)) generate(*command.generate);
  });
}
