#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "examples/attention_classifier/checkpoint.h"
#include "examples/attention_classifier/conllu.h"
#include "examples/attention_classifier/exporter.h"
#include "examples/attention_classifier/generated_language.h"
#include "examples/attention_classifier/metrics.h"
#include "examples/attention_classifier/options.h"
#include "examples/attention_classifier/predictor.h"
#include "examples/attention_classifier/reporter.h"
#include "examples/attention_classifier/terminal.h"
#include "examples/attention_classifier/tokenize.h"
#include "examples/attention_classifier/trainer.h"
#include "examples/support/processes.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace attention_classifier {
namespace {

struct Data {
  std::vector<Sentence> train;
  std::vector<Sentence> dev;
};

Data read_data(const TrainCommand& command) {
  if (!command.train.empty()) return {read_conllu(command.train), read_conllu(command.dev)};
  GeneratedLanguage language = generate_language(command.training.seed);
  fmt::print(
      "No --train and --dev: a made-up language, in which the best that one can do without context\n"
      "has a dev accuracy of {:.4f}\n",
      context_free_ceiling(language.dev));
  return {std::move(language.train), std::move(language.dev)};
}

// The longest of the sentences that fit a window.
std::string example_of(std::span<const Sentence> sentences) {
  std::span<const Word> longest;
  for (const Sentence& sentence : sentences) {
    const bool fits = sentence.size() <= static_cast<size_t>(kWindowLength);
    if (fits && sentence.size() > longest.size()) longest = sentence;
  }
  if (longest.empty()) longest = std::span(sentences[0]).first(static_cast<size_t>(kWindowLength));
  std::string text;
  for (const Word& word : longest) text += (text.empty() ? "" : " ") + word.text;
  return text;
}

void check_outputs(const TrainCommand& command) {
  std::map<std::string, const char*> named;
  const auto check = [&](const char* option, const std::string& path) {
    if (path.empty()) return;
    const auto [other, is_new] = named.try_emplace(path, option);
    if (!is_new)
      throw sinter::RuntimeError(fmt::format("{} and {} name the same file", other->second, option));
    sinter::runtime::check_writable(path);
  };
  check("--save", command.save);
  check("--metrics", command.metrics);
  check("--trace", command.trace);
  check("--report", command.report);
}

std::vector<EpochMetrics> train_epochs(Trainer& trainer, int64_t epochs, Reporter* reporter) {
  std::vector<EpochMetrics> metrics;
  if (reporter != nullptr) reporter->note("before training");
  for (int64_t i = 0; i < epochs; ++i) {
    const EpochMetrics& epoch = metrics.emplace_back(trainer.run_epoch());
    fmt::print("epoch {:>2}  loss {:.4f}  train accuracy {:.4f}  dev accuracy {:.4f}  {:.1f} s\n",
               epoch.epoch, epoch.loss, epoch.train_accuracy, epoch.dev_accuracy, epoch.seconds);
    std::fflush(stdout);
    if (reporter != nullptr) reporter->note(fmt::format("epoch {}", epoch.epoch));
  }
  return metrics;
}

void plot(std::span<const EpochMetrics> metrics) {
  std::vector<double> loss, accuracy;
  for (const EpochMetrics& epoch : metrics) {
    loss.push_back(epoch.loss);
    accuracy.push_back(epoch.dev_accuracy);
  }
  fmt::print("\n{}", training_plot(loss, accuracy));
}

void train(TrainCommand command, const examples::Processes& processes) {
  examples::check_micro_batches(command.training.micro_batches, command.training.batch, processes);
  command.training.processes = processes;
  if (!examples::is_first(processes)) {
    for (std::string* output :
         {&command.save, &command.metrics, &command.trace, &command.report, &command.training.events})
      output->clear();
  }
  check_outputs(command);
  const Data data = read_data(command);
  const Vocabulary vocabulary(data.train);
  const ModelOptions model{vocabulary.word_count(), vocabulary.ending_count(), command.heads,
                           command.features};
  Windows train_windows = encode_windows(data.train, vocabulary);
  Windows dev_windows = encode_windows(data.dev, vocabulary);
  fmt::print("{} words, {} endings; {} windows to train on, {} to measure on\n", vocabulary.word_count(),
             vocabulary.ending_count(), train_windows.count(), dev_windows.count());
  Trainer trainer(model, command.training, std::move(train_windows), std::move(dev_windows));
  std::fflush(stdout);
  std::optional<Reporter> reporter;
  if (!command.report.empty()) reporter.emplace(trainer, vocabulary, tokenize(example_of(data.dev)));
  const std::vector<EpochMetrics> metrics =
      train_epochs(trainer, command.training.epochs, reporter ? &*reporter : nullptr);
  plot(metrics);
  if (command.profile) fmt::print("\n{}", trainer.program().profile());
  if (!command.trace.empty()) trainer.program().save_trace(command.trace);
  if (reporter) reporter->write(command.report, metrics);
  if (!command.metrics.empty()) write_metrics(command.metrics, metrics);
  if (!command.save.empty()) {
    save_checkpoint(command.save,
                    make_checkpoint(trainer.program(), model, vocabulary, example_of(data.dev)));
    fmt::print("\nsaved {}\n", command.save);
  }
}

void write_export(const ExportCommand& command) {
  const GeneratedLanguage language = generate_language(command.training.seed);
  const Vocabulary vocabulary(language.train);
  export_trainer(command.out, command.target, {vocabulary.word_count(), vocabulary.ending_count()},
                 command.training, encode_windows(language.train, vocabulary),
                 encode_windows(language.dev, vocabulary));
}

void predict(const PredictCommand& command) {
  const Checkpoint checkpoint = load_checkpoint(command.load);
  const std::vector<std::string> words = tokenize(command.sentence.value_or(checkpoint.example));
  Predictor predictor(command.load, checkpoint, command.device);
  const std::vector<Stages> windows = predictor.run(words);
  fmt::print("{}", describe_stages(windows[0]));
  for (size_t i = 1; i < windows.size(); ++i) {
    fmt::print("\nwords {} to {}\n{}", i * kWindowLength + 1,
               std::min(words.size(), (i + 1) * static_cast<size_t>(kWindowLength)),
               describe_classes(windows[i]));
  }
}

}  // namespace
}  // namespace attention_classifier

int main(int argc, char** argv) {
  using namespace attention_classifier;
  return examples::run("attention_classifier", examples::all_processes, [&](const auto& processes) {
    const Command command = parse_command_line(argc, argv);
    if (command.train) return train(*command.train, processes);
    if (!examples::is_first(processes)) return;
    if (command.predict) predict(*command.predict);
    if (command.exporting) write_export(*command.exporting);
  });
}
