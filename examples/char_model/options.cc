#include "examples/char_model/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>

#include "examples/support/processes.h"
#include "tools/validators.h"

namespace char_model {
namespace {

using sinter::tools::number_in;
using sinter::tools::seed;
using sinter::tools::whole_number;

constexpr int64_t kMost = 1 << 20;

CLI::Validator number(double low, double high, const std::string& expected) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        const auto value = number_in<double>(text);
        if (value && std::isfinite(*value) && *value >= low && *value <= high) return "";
        return fmt::format("expected {}, got '{}'", expected, text);
      },
      "X");
}

void add_machine(CLI::App& app, sinter::CompileOptions& compile) {
  app.add_option("--device", compile.device, "where to compute: cpu, reference, vulkan")
      ->capture_default_str();
  app.add_option("--threads", compile.threads, "threads of the cpu device; all cores when left out")
      ->check(whole_number(1, 1024));
  app.add_flag("--check-numerics", compile.check_numerics,
               "fail with the first operation that gives a NaN or infinity");
  app.add_flag("--strict", compile.strict, "refuse what the device has no fast way to do");
}

CLI::App* add_train_command(CLI::App& app, TrainCommand& command) {
  CLI::App* train =
      app.add_subcommand("train", "Trains a model on a text and measures it on the last tenth of it");
  const auto add_size = [&](const char* name, int64_t& size, const char* help) {
    train->add_option(name, size, help)->check(whole_number<int64_t>(1, kMost))->capture_default_str();
  };
  const auto add_share = [&](const char* name, double& share, const char* help) {
    train->add_option(name, share, help)->check(number(0, 1, "a number from 0 to 1"))->capture_default_str();
  };
  train->add_option("--text", command.text, "a file in UTF-8; ten sonnets of Shakespeare's when left out");
  train
      ->add_option("--save", command.training.folder,
                   "folder of checkpoints, one at each evaluation: the latest two and the best stay")
      ->capture_default_str();
  train->add_flag(
      "--resume", command.training.resume,
      "go on from the latest checkpoint, as if it had never stopped; without, those there are removed");
  train
      ->add_option("--steps", command.training.steps,
                   fmt::format("steps to train in all; left out: {}, or as many as the run to resume was to "
                               "have. Other ones resume it with the learning rate of a run of so many, which "
                               "rises again where a finished run goes on",
                               kDefaultSteps))
      ->check(whole_number<int64_t>(1, kMost));
  add_size("--batch", command.training.batch, "windows of the text a step");
  add_size(
      "--micro-batches", command.training.micro_batches,
      "parts that a step goes over them in, which divide them; what processes that mpirun has started share");
  add_size("--every", command.training.every, "steps between evaluations");
  add_share("--rate", command.training.rate, "the highest learning rate");
  add_size("--context", command.model.context, "characters that the model sees");
  add_size("--layers", command.model.layers, "blocks of attention and feed-forward");
  add_size("--heads", command.model.heads, "heads of attention, which divide the width");
  add_size("--width", command.model.width, "features of a character");
  add_share("--dropout", command.model.dropout, "share of features left out in training");
  train->add_option("--metrics", command.metrics, "CSV file to write: step,loss,validation_loss");
  train->add_option("--tensorboard", command.training.events,
                    "write measures for TensorBoard into this folder");
  train->add_option("--report", command.report,
                    "write a page for a browser: kernels, their code and times, memory, curves");
  train->add_option("--seed", command.training.compile.seed, "of all random numbers")
      ->check(seed())
      ->capture_default_str();
  add_machine(*train, command.training.compile);
  return train;
}

CLI::App* add_generate_command(CLI::App& app, GenerateCommand& command) {
  CLI::App* generate = app.add_subcommand("generate", "Writes on from a prompt, a character at a time");
  GenerationOptions& how = command.generation;
  generate
      ->add_option("--load", command.load, "a checkpoint, or a folder of them, of which the best is taken")
      ->required();
  generate->add_option("--prompt", command.prompt, "what the text begins with; a new line when left out");
  generate->add_option("--length", command.length, "characters to write")
      ->check(whole_number<int64_t>(0, std::numeric_limits<int32_t>::max()))
      ->capture_default_str();
  generate
      ->add_option("--temperature", how.temperature,
                   "scores are divided by it; 0: always the most probable one")
      ->check(number(0, 1e6, "a number from 0 on"))
      ->capture_default_str();
  generate->add_option("--top-k", how.top_k, "draw among so many of the most probable ones; 0: among all")
      ->check(whole_number<int64_t>(0, kMost))
      ->capture_default_str();
  generate->add_option("--top-p", how.top_p, "draw among the fewest that make up this share")
      ->check(number(0, 1, "a number from 0 to 1"))
      ->capture_default_str();
  generate->add_flag("--cache,!--no-cache", how.cache,
                     "keep keys and values of what was read; without, each character reads its context anew");
  generate->add_option("--seed", how.compile.seed, "of what is drawn")->check(seed())->capture_default_str();
  add_machine(*generate, how.compile);
  return generate;
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  CLI::App app("A model of the characters of a text: train writes a folder that generate reads.");
  app.require_subcommand(1);
  TrainCommand train;
  GenerateCommand generate;
  const CLI::App* train_app = add_train_command(app, train);
  add_generate_command(app, generate);
  Command command;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return command;
  } catch (const CLI::ParseError& error) {
    throw examples::UsageError(error.what());
  }
  if (train_app->parsed()) {
    command.train = std::move(train);
  } else {
    command.generate = std::move(generate);
  }
  return command;
}

}  // namespace char_model
