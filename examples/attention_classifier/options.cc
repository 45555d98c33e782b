#include "examples/attention_classifier/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "examples/support/processes.h"
#include "tools/validators.h"

namespace attention_classifier {
namespace {

using sinter::tools::number_in;
using sinter::tools::whole_number;

constexpr int64_t kGeneratedEpochs = 4;

CLI::Validator divides_width() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const auto heads = number_in<int64_t>(text);
        if (heads && *heads >= 1 && kWidth % *heads == 0) return "";
        return fmt::format("expected a number that divides {}, got '{}'", kWidth, text);
      },
      "N");
}

CLI::Validator path() {
  return CLI::Validator(
      [](std::string& text) -> std::string { return text.empty() ? "expected a path" : ""; }, "PATH");
}

CLI::Validator positive_number() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const auto value = number_in<double>(text);
        if (value && std::isfinite(*value) && *value > 0) return "";
        return fmt::format("expected a number above 0, got '{}'", text);
      },
      "X");
}

// One of `choices`, by its name.
template <typename T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& value,
                        const std::map<std::string, T>& choices, const std::string& help) {
  std::string names, expected;
  for (const auto& [choice, meaning] : choices) {
    names += (names.empty() ? "" : "|") + choice;
    expected += (expected.empty() ? "" : " or ") + choice;
  }
  return app
      .add_option_function<std::string>(
          name, [&value, choices](const std::string& text) { value = choices.at(text); }, help)
      ->check(CLI::Validator(
          [choices, expected](std::string& text) -> std::string {
            return choices.contains(text) ? "" : fmt::format("expected {}, got '{}'", expected, text);
          },
          names));
}

void add_device_options(CLI::App& app, std::string& device, int& threads, bool& fuse) {
  app.add_option("--device", device, "where to compute: cpu, reference, vulkan")->capture_default_str();
  app.add_option("--threads", threads, "threads of the cpu device; all cores when left out")
      ->check(whole_number(1, 1024));
  add_choice(app, "--fuse", fuse, {{"off", false}, {"on", true}},
             "group operations into kernels; on when left out");
}

CLI::App* add_train_command(CLI::App& app, TrainCommand& command) {
  constexpr int64_t kMany = std::numeric_limits<int32_t>::max();
  CLI::App* train = app.add_subcommand("train", "Trains a model and shows how it goes");
  CLI::Option* sentences =
      train->add_option("--train", command.train, "sentences to learn from, CoNLL-U")->check(path());
  CLI::Option* dev =
      train->add_option("--dev", command.dev, "sentences to measure accuracy on, CoNLL-U")->check(path());
  sentences->needs(dev);
  dev->needs(sentences);
  TrainingOptions& training = command.training;
  train
      ->add_option(
          "--epochs", training.epochs,
          fmt::format("times to go through the sentences; {} when left out, {} for the generated language",
                      training.epochs, kGeneratedEpochs))
      ->check(whole_number<int64_t>(1, kMany));
  train->add_option("--batch", training.batch, "windows of ten words a step")
      ->check(whole_number<int64_t>(1, kMany))
      ->capture_default_str();
  train
      ->add_option(
          "--micro-batches", training.micro_batches,
          "parts that a step goes over its windows in, which divide them; what processes that mpirun "
          "has started share")
      ->check(whole_number<int64_t>(1, kMany))
      ->capture_default_str();
  train->add_option("--heads", command.heads, fmt::format("of the attention; a divisor of {}", kWidth))
      ->check(divides_width())
      ->capture_default_str();
  add_choice(*train, "--features", command.features, {{"all", Features::all}, {"word", Features::word}},
             "the word alone, or also its ending and shape; all when left out");
  train->add_option("--learning-rate", training.learning_rate, "of the first step; falls to 5 %")
      ->check(positive_number())
      ->capture_default_str();
  train->add_option("--seed", training.seed, "of the parameters' beginning, the order and dropout")
      ->check(sinter::tools::seed())
      ->capture_default_str();
  add_device_options(*train, training.device, training.threads, training.fuse);
  train->add_flag("--check-numerics", training.check_numerics,
                  "fail with the first operation that gives a NaN or infinity");
  train->add_flag("--strict", training.strict, "refuse what the device has no fast way to do");
  train->add_flag("--explain", training.explain, "print the kernels and the memory of the training step");
  train->add_flag("--profile", command.profile, "print how long each kernel took");
  train->add_option("--trace", command.trace, "write when each kernel ran, for Perfetto")->check(path());
  train->add_option("--tensorboard", training.events, "write measures for TensorBoard into this folder")
      ->check(path());
  train
      ->add_option("--report", command.report,
                   "write a page for a browser: kernels, their code and times, memory, curves, attention")
      ->check(path());
  train->add_option("--metrics", command.metrics, "write loss and accuracy of each epoch, CSV")
      ->check(path());
  train->add_option("--save", command.save, "write the model, safetensors")->check(path());
  return train;
}

CLI::App* add_predict_command(CLI::App& app, PredictCommand& command) {
  CLI::App* predict = app.add_subcommand("predict", "Shows what a model makes of a sentence, stage by stage");
  predict->add_option("--load", command.load, "a model that train --save wrote")->required()->check(path());
  predict->add_option("--sentence", command.sentence,
                      "the sentence; one that comes with the model when left out");
  add_device_options(*predict, command.device.device, command.device.threads, command.device.fuse);
  return predict;
}

CLI::App* add_export_command(CLI::App& app, ExportCommand& command) {
  CLI::App* exporting = app.add_subcommand(
      "export", "Writes a model to train, and its data, for the C program in examples/embedded");
  exporting->add_option("--out", command.out, "the folder that it is written to")->required()->check(path());
  exporting->add_option("--target", command.target, "the processor: native, x86-64-v3, aarch64, ...")
      ->capture_default_str();
  return exporting;
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  CLI::App app("An attention classifier: tells for each word of a sentence which of five classes it has.",
               "attention_classifier");
  app.require_subcommand(1);
  TrainCommand train_command;
  PredictCommand predict_command;
  const CLI::App* train = add_train_command(app, train_command);
  add_predict_command(app, predict_command);
  ExportCommand export_command;
  const CLI::App* exporting = add_export_command(app, export_command);
  export_command.training.epochs = kGeneratedEpochs;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return {};
  } catch (const CLI::ParseError& error) {
    throw examples::UsageError(error.what());
  }
  if (exporting->parsed()) return {.exporting = export_command};
  if (!train->parsed()) return {.predict = predict_command};
  const bool epochs_given = train->get_option("--epochs")->count() > 0;
  if (train_command.train.empty() && !epochs_given) train_command.training.epochs = kGeneratedEpochs;
  train_command.training.profile =
      train_command.profile || !train_command.trace.empty() || !train_command.report.empty();
  train_command.training.gives_rate = true;
  train_command.training.watches_attention = !train_command.report.empty();
  return {.train = train_command};
}

}  // namespace attention_classifier
