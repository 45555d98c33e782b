#include "examples/attention_classifier/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace attention_classifier {
namespace {

// The least learning rate, as a share of the first.
constexpr double kRateFloor = 0.05;

int64_t checked_steps(const Windows& train, const TrainingOptions& options) {
  if (train.count() < options.batch) {
    throw sinter::Error(
        fmt::format("the training data does not fill one batch of {}: it has {} windows of {} words",
                    options.batch, train.count(), kWindowLength));
  }
  return train.count() / options.batch * options.epochs;
}

sinter::Program compiled(const AttentionClassifier& model, sinter::Optimizer& optimizer,
                         const TrainingOptions& options) {
  sinter::Program program;
  add_train(program, model, optimizer,
            {.gives_rate = options.gives_rate, .micro_batches = options.micro_batches});
  add_evaluate(program, model);
  if (options.watches_attention) add_predict(program, model);
  program.compile({.device = options.device,
                   .threads = options.threads,
                   .seed = options.seed,
                   .dims = {{"batch", options.batch}},
                   .communicator = options.processes,
                   .fuse = options.fuse,
                   .check_numerics = options.check_numerics,
                   .strict = options.strict});
  if (options.explain) fmt::print("{}{}", program.explain("train"), program.memory("train"));
  if (options.profile) program.start_profile();
  return program;
}

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double Trainer::Score::accuracy() const {
  return share(correct, counted);
}

Trainer::Score Trainer::score_of(const sinter::Function& call) {
  return {call.value<int32_t>("correct"), call.value<int32_t>("counted")};
}

Trainer::Trainer(const ModelOptions& model, const TrainingOptions& options, Windows train, Windows dev)
    : options_(options),
      train_(std::move(train)),
      dev_(std::move(dev)),
      model_(model),
      optimizer_({.learning_rate = sinter::linear_decay(options.learning_rate, checked_steps(train_, options),
                                                        kRateFloor)}),
      program_(compiled(model_, optimizer_, options)),
      train_call_(program_.function("train")),
      evaluate_call_(program_.function("evaluate")),
      train_feed_(train_call_),
      evaluate_feed_(evaluate_call_),
      batch_(options.batch),
      view_(examples::is_first(options.processes) ? stderr : nullptr, options.epochs * steps_per_epoch()) {
  if (!options.events.empty()) events_.emplace(options.events);
}

EpochMetrics Trainer::run_epoch() {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<int64_t> order =
      shuffled_order(train_.count(), options_.seed, static_cast<uint32_t>(epoch_));
  ++epoch_;
  Score score;
  double loss = 0;  // summed over words
  for (int64_t step = 0; step < steps_per_epoch(); ++step) {
    gather_windows(train_,
                   std::span(order).subspan(static_cast<size_t>(step * options_.batch),
                                            static_cast<size_t>(options_.batch)),
                   batch_);
    train_feed_.load(batch_);
    try {
      train_call_.run();
    } catch (const sinter::Error& error) {
      view_.clear();
      throw sinter::Error(fmt::format("step {} of epoch {}: {}", step + 1, epoch_, error.what()),
                          error.kind());
    }
    const Score of_step = score_of(train_call_);
    const double of_words = train_call_.value<float>("loss");
    loss += of_words * static_cast<double>(of_step.counted);
    score.correct += of_step.correct;
    score.counted += of_step.counted;
    tell_step(of_words);
  }
  view_.clear();
  const std::chrono::duration<double> trained = std::chrono::steady_clock::now() - start;
  const double mean_loss = loss / static_cast<double>(std::max<int64_t>(score.counted, 1));
  const double of_dev = examples::is_first(options_.processes) ? dev_accuracy() : 0;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const EpochMetrics metrics{epoch_, mean_loss, score.accuracy(), of_dev, elapsed.count()};
  tell_epoch(metrics, trained.count());
  return metrics;
}

void Trainer::tell_step(double loss) {
  std::optional<double> rate;
  if (options_.gives_rate) rate = train_call_.value<float>("learning_rate");
  view_.step({.loss = loss, .rate = rate, .rows = options_.batch});
  if (!events_) return;
  events_->add("loss", program_.step(), loss);
  if (rate) events_->add("learning_rate", program_.step(), *rate);
}

void Trainer::tell_epoch(const EpochMetrics& metrics, double seconds) {
  if (!events_) return;
  const uint32_t step = program_.step();
  events_->add("accuracy/train", step, metrics.train_accuracy);
  events_->add("accuracy/dev", step, metrics.dev_accuracy);
  events_->add("windows_per_second", step, static_cast<double>(steps_per_epoch() * options_.batch) / seconds);
}

sinter::Array Trainer::attention(const Windows& window) {
  sinter::Function call = program_.function("predict", {{"batch", 1}});
  Feed(call).load(window);
  call.run();
  return call.output("weights")[0];
}

double Trainer::dev_accuracy() {
  std::vector<int64_t> order(static_cast<size_t>(dev_.count()));
  std::iota(order.begin(), order.end(), 0);
  Score score;
  for (std::span<const int64_t> rest = order; !rest.empty();) {
    const auto taken = rest.first(std::min(rest.size(), static_cast<size_t>(options_.batch)));
    rest = rest.subspan(taken.size());
    gather_windows(dev_, taken, batch_);
    evaluate_feed_.load(batch_);
    evaluate_call_.run();
    const Score of_batch = score_of(evaluate_call_);
    score.correct += of_batch.correct;
    score.counted += of_batch.counted;
  }
  return score.accuracy();
}

}  // namespace attention_classifier
