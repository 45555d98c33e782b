#include "examples/char_model/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "examples/char_model/recipe.h"
#include "examples/support/processes.h"
#include "frontend/training/number_in.h"

using namespace sinter;

namespace char_model {
namespace {

constexpr int64_t kWarmup = 100;
constexpr int64_t kEstimated = 20;  // batches

Batches::Columns columns(const Windows& windows) {
  return {{"ids", windows.inputs}, {"labels", windows.targets}};
}

// What to go on from; none where a run begins.
std::optional<Checkpoint> latest_of(const TrainingOptions& options) {
  if (!options.resume) return {};
  std::vector<Checkpoint> all;
  if (std::filesystem::is_directory(options.folder)) all = Checkpoints(options.folder).list();
  if (all.empty()) throw Error(fmt::format("{} has no checkpoint to resume", options.folder));
  return all.back();
}

int64_t steps_of(const TrainingOptions& options, const std::optional<Checkpoint>& latest) {
  if (!latest) return options.steps.value_or(kDefaultSteps);
  const auto before = number_in<int64_t>(latest->path, latest->notes.texts, "steps");
  const int64_t steps = options.steps.value_or(before.value_or(kDefaultSteps));
  if (steps >= latest->step) return steps;
  throw Error(
      fmt::format("{}: has {} steps already, {} are asked for in all", latest->path, latest->step, steps));
}

}  // namespace

Trainer::Split Trainer::split(const Vocabulary& vocabulary, const std::u32string& text, int64_t context) {
  const std::vector<int32_t> ids = vocabulary.encode(text);
  const size_t trained = ids.size() * 9 / 10;
  if (static_cast<int64_t>(ids.size() - trained) <= context) {
    throw Error(
        fmt::format("a text of {} characters is too short: its last tenth, to measure on, needs more than {}",
                    ids.size(), context));
  }
  const auto part = [&](size_t first, size_t last) {
    return Array::from<int32_t>(std::span(ids).subspan(first, last - first),
                                {static_cast<int64_t>(last - first)});
  };
  return {part(0, trained), part(trained, ids.size())};
}

Trainer::Trainer(const ModelOptions& model, const TrainingOptions& options, const std::u32string& text)
    : Trainer(model, options, Vocabulary(text), split(Vocabulary(text), text, model.context),
              latest_of(options)) {}

Trainer::Trainer(const ModelOptions& model, const TrainingOptions& options, const Vocabulary& vocabulary,
                 Split split, const std::optional<Checkpoint>& latest)
    : options_(options),
      steps_(steps_of(options, latest)),
      recipe_(to_texts(model, vocabulary)),
      model_(model),
      optimizer_(
          {.learning_rate = cosine_decay(options.rate, std::min(kWarmup, steps_), steps_, options.rate / 10),
           .beta2 = 0.99,
           .weight_decay = 0.1,
           .decays = [](const Variable& parameter) { return parameter.shape().size() > 1; }}),
      batches_(columns(windows(split.train, model.context)), {.size = options.batch,
                                                              .order = Order::random,
                                                              .seed = options.compile.seed,
                                                              .drop_last = true,
                                                              .weight = ""}),
      validation_(windows(split.validation, model.context, model.context)),
      checkpoints_(options.folder, {.keep = 2}) {
  recipe_["training"] =
      fmt::format("steps of {} windows in {} micro-batches, rate {}, seed {}, {} characters", options.batch,
                  options.micro_batches, options.rate, options.compile.seed, split.train.size());
  const std::vector<Input> inputs = {{"ids", i32, {rows_, model.context}},
                                     {"labels", i32, {rows_, model.context}}};
  program_.add("train", inputs,
               [&](const Inputs& in) -> Outputs {
                 const Tensor loss = cross_entropy(model_(in["ids"]), in["labels"]);
                 const Update update = optimizer_.minimize(loss, {.clip_norm = 1, .check_finite = true});
                 return {{"loss", update.loss}, {"learning_rate", update.learning_rate}};
               },
               {.training = true, .micro_batches = options.micro_batches});
  std::vector<Input> weighted = inputs;
  weighted.push_back({"weight", f32, {rows_}});
  program_.add("evaluate", weighted, [&](const Inputs& in) -> Outputs {
    const Tensor weights = expand_dims(in["weight"], -1);
    return {{"loss", cross_entropy(model_(in["ids"]), in["labels"],
                                   {.reduction = Reduction::sum, .position_weights = weights})}};
  });
  CompileOptions compile = options.compile;
  compile.dims = {{rows_, options.batch}};
  program_.compile(compile);
  if (latest) resume(*latest);
}

void Trainer::resume(const Checkpoint& latest) {
  for (const auto& [key, text] : recipe_) {
    const auto found = latest.notes.texts.find(key);
    const std::string before = found == latest.notes.texts.end() ? "" : found->second;
    if (before == text) continue;
    throw Error(fmt::format("{}: its {} is '{}', now it would be '{}'; it goes on as it began", latest.path,
                            key, before, text));
  }
  program_.load(latest.path);
  batches_.seek(latest.notes.position);
}

void Trainer::run(const std::function<void(const Progress&)>& report) {
  using Clock = std::chrono::steady_clock;
  Function train = program_.function("train");
  TrainingView view(examples::is_first(options_.compile.communicator) ? stderr : nullptr,
                    steps_ - program_.step());
  std::optional<EventFile> events;
  if (!options_.events.empty()) events.emplace(options_.events);
  Progress progress;
  int64_t steps = 0;
  double seconds = 0;
  for (int64_t step = program_.step() + 1; step <= steps_; ++step) {
    const auto start = Clock::now();
    batches_.next().feed(train);
    train.run();
    const double loss = train.value<float>("loss"), rate = train.value<float>("learning_rate");
    progress.loss += loss;
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    ++steps;
    view.step({.loss = loss, .rate = rate, .rows = options_.batch});
    if (events) {
      events->add("loss", step, loss);
      events->add("learning_rate", step, rate);
    }
    if (step % options_.every != 0 && step != steps_) continue;
    progress.step = step;
    progress.loss /= static_cast<double>(steps);
    progress.milliseconds = 1e3 * seconds / static_cast<double>(steps);
    progress.validation = estimate();
    checkpoints_.save(program_, notes(progress.validation));
    if (events) {
      events->add("validation_loss", step, progress.validation);
      events->add("windows_per_second", step,
                  1e3 * static_cast<double>(options_.batch) / progress.milliseconds);
    }
    view.clear();
    report(progress);
    progress = {};
    steps = 0;
    seconds = 0;
  }
  checkpoints_.wait();
}

CheckpointNotes Trainer::notes(double validation) const {
  CheckpointNotes notes{.position = batches_.position(), .measure = validation, .texts = recipe_};
  notes.texts["steps"] = std::to_string(steps_);
  return notes;
}

double Trainer::mean_loss(Batches& batches, int64_t count) {
  if (!examples::is_first(options_.compile.communicator)) return 0;
  Function evaluate = program_.function("evaluate");
  double sum = 0, characters = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Batch batch = batches.next();
    batch.feed(evaluate);
    evaluate.run();
    sum += evaluate.value<float>("loss");
    characters += static_cast<double>(batch.rows * batch.arrays.at("ids").shape()[1]);
  }
  return sum / characters;
}

// On the same windows each time.
double Trainer::estimate() {
  Batches batches(columns(validation_), {.size = options_.batch, .order = Order::shuffled, .threads = 0});
  return mean_loss(batches, std::min(kEstimated, batches.per_epoch()));
}

double Trainer::validation_loss() {
  Batches batches(columns(validation_), {.size = options_.batch, .threads = 0});
  return mean_loss(batches, batches.per_epoch());
}

}  // namespace char_model
