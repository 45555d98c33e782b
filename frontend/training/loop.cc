#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/error.h>
#include <sinter/training/loop.h>
#include <sinter/training/training_view.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "frontend/base/names.h"
#include "frontend/training/number_in.h"

namespace sinter {
namespace {

constexpr int64_t kMostAdded = 16384;  // elements of an output: 64 KiB, which are with the host after a call
constexpr const char* kBest = "loop.best";  // texts of checkpoints
constexpr const char* kWorse = "loop.worse";

// A function for each bucket, made when it first comes.
class Variants {
 public:
  Variants(Program& program, std::string name) : program_(program), name_(std::move(name)) {}

  Function& of(const Batch& batch) {
    const auto found = functions_.find(batch.dims);
    if (found != functions_.end()) return found->second;
    return functions_.emplace(batch.dims, program_.function(name_, batch.dims)).first->second;
  }

 private:
  Program& program_;
  std::string name_;
  std::map<DimSizes, Function> functions_;
};

Totals evaluated(Variants& variants, Batches& batches) {
  Totals totals;
  batches.seek({});
  for (int64_t i = 0; i < batches.per_epoch(); ++i) {
    const Batch batch = batches.next();
    Function& function = variants.of(batch);
    batch.feed(function);
    function.run();
    totals.add(function, batch.rows);
  }
  return totals;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The value of a scalar output of type f32; none where there is no such.
std::optional<double> scalar_of(const Function& function, std::string_view name) {
  const auto& outputs = function.outputs();
  const auto found = std::ranges::find(outputs, name, &TensorInfo::name);
  if (found == outputs.end() || found->dtype != f32 || !found->shape.empty()) return {};
  return function.value<float>(name);
}

class ProgressLines {
 public:
  ProgressLines(std::FILE* file, int64_t steps) : file_(file), view_(file, steps) {}

  void step(const Function& function, int64_t rows) {
    const double loss = scalar_of(function, "loss").value_or(std::numeric_limits<double>::quiet_NaN());
    view_.step({.loss = loss, .rate = scalar_of(function, "learning_rate"), .rows = rows});
  }
  void epoch(const EpochReport& report) {
    if (file_ == nullptr) return;
    view_.clear();
    std::string line = fmt::format("epoch {}", report.epoch + 1);
    if (report.training.has("loss")) line += fmt::format("  loss {:.4f}", report.training.mean("loss"));
    fmt::print(file_, "{}  measure {:.4f}{}  {:.1f} s\n", line, report.measure,
               report.is_best ? " (best)" : "", report.seconds);
    std::fflush(file_);
  }

 private:
  std::FILE* file_;
  TrainingView view_;
};

class Loop {
 public:
  Loop(Program& program, Batches& batches, const TrainOptions& options)
      : program_(program),
        batches_(batches),
        options_(options),
        training_(program, options.function),
        evaluation_(program, options.evaluate) {
    if (options.patience < 0 || options.save_every < 0 || options.epochs < 0) {
      throw Error(
          fmt::format("train: epochs, patience and save_every must not be negative, got {}, {} and {}",
                      options.epochs, options.patience, options.save_every));
    }
  }

  std::vector<EpochReport> run() {
    if (options_.checkpoints != nullptr) go_on();
    const BatchPosition at = batches_.position();
    const int64_t steps = (options_.epochs - at.epoch) * batches_.per_epoch() - at.batch;
    progress_.emplace(options_.progress, steps);
    std::vector<EpochReport> reports;
    while (batches_.position().epoch < options_.epochs && !has_lost_patience())
      reports.push_back(run_epoch());
    if (options_.checkpoints != nullptr) options_.checkpoints->wait();
    return reports;
  }

 private:
  bool has_lost_patience() const { return options_.patience > 0 && worse_ >= options_.patience; }

  void go_on() {
    const std::optional<Checkpoint> latest = options_.checkpoints->load_latest(program_);
    if (!latest) return;
    batches_.seek(latest->notes.position);
    best_ = number_in<double>(latest->path, latest->notes.texts, kBest).value_or(best_);
    worse_ = number_in<int64_t>(latest->path, latest->notes.texts, kWorse).value_or(worse_);
  }

  void save(std::optional<double> measure) {
    options_.checkpoints->save(
        program_, {.position = batches_.position(),
                   .measure = measure,
                   .texts = {{kBest, fmt::format("{}", best_)}, {kWorse, std::to_string(worse_)}}});
  }

  void run_step(Totals& totals) {
    const Batch batch = batches_.next();
    Function& function = training_.of(batch);
    try {
      batch.feed(function, options_.inputs);
      if (options_.before_step) options_.before_step(function, batch);
      function.run();
    } catch (const Error& error) {
      throw Error(
          fmt::format("batch {} of epoch {}: {}", batch.position.batch, batch.position.epoch, error.what()),
          error.kind());
    }
    totals.add(function, batch.rows);
    progress_->step(function, batch.rows);
    if (options_.events != nullptr) {
      for (const TensorInfo& output : function.outputs()) {
        if (const auto value = scalar_of(function, output.name))
          options_.events->add(output.name, program_.step(), *value);
      }
    }
    if (options_.after_step) options_.after_step(function, batch);
  }

  EpochReport run_epoch() {
    const auto start = std::chrono::steady_clock::now();
    EpochReport report;
    report.epoch = batches_.position().epoch;
    for (int64_t steps = 1; batches_.position().epoch == report.epoch; ++steps) {
      run_step(report.training);
      const bool goes_on = batches_.position().epoch == report.epoch;
      if (goes_on && options_.checkpoints != nullptr && options_.save_every > 0 &&
          steps % options_.save_every == 0)
        save(std::nullopt);
    }
    const double trained = seconds_since(start);
    report.step = program_.step();
    if (options_.evaluation != nullptr) report.evaluation = evaluated(evaluation_, *options_.evaluation);
    report.measure = measure_of(report);
    report.is_best = report.measure < best_;
    best_ = report.is_best ? report.measure : best_;
    worse_ = report.is_best ? 0 : worse_ + 1;
    report.seconds = seconds_since(start);
    if (options_.checkpoints != nullptr) save(report.measure);
    progress_->epoch(report);
    if (options_.events != nullptr) tell_of(report, trained);
    if (options_.after_epoch) options_.after_epoch(report);
    return report;
  }

  void tell_of(const EpochReport& report, double seconds) {
    EventFile& events = *options_.events;
    events.add("rows_per_second", report.step, static_cast<double>(report.training.rows()) / seconds);
    events.add("measure", report.step, report.measure);
    for (const std::string& output : report.evaluation.scalars())
      events.add("evaluation/" + output, report.step, report.evaluation.mean(output));
  }

  double measure_of(const EpochReport& report) const {
    if (options_.measure) return options_.measure(report);
    return (options_.evaluation != nullptr ? report.evaluation : report.training).mean("loss");
  }

  Program& program_;
  Batches& batches_;
  const TrainOptions& options_;
  Variants training_, evaluation_;
  std::optional<ProgressLines> progress_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t worse_ = 0;  // epochs since the best one
};

}  // namespace

void Totals::add(const Function& function, int64_t rows) {
  const auto add_values = [&](const TensorInfo& output, const auto values) {
    Total& total = all_.try_emplace(output.name, Total{output.shape, {}, {}}).first->second;
    total.sum.resize(values.size());
    total.weighted.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      total.sum[i] += static_cast<double>(values[i]);
      total.weighted[i] += static_cast<double>(values[i]) * static_cast<double>(rows);
    }
  };
  rows_ += rows;
  for (const TensorInfo& output : function.outputs()) {
    if (element_count(output.shape) > kMostAdded) continue;
    if (output.dtype == f32) add_values(output, function.output<float>(output.name));
    if (output.dtype == i32) add_values(output, function.output<int32_t>(output.name));
  }
}

bool Totals::has(const std::string& output) const {
  return all_.contains(output);
}

std::vector<std::string> Totals::scalars() const {
  std::vector<std::string> names;
  for (const auto& [name, total] : all_) {
    if (total.shape.empty()) names.push_back(name);
  }
  return names;
}

const Totals::Total& Totals::find(const std::string& output) const {
  const auto found = all_.find(output);
  if (found != all_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, total] : all_) names.push_back(name);
  throw Error(fmt::format("no output is called '{}', only {}", output, quoted_list(names)));
}

double Totals::mean(const std::string& output) const {
  const Total& total = find(output);
  if (!total.shape.empty()) {
    throw Error(fmt::format("output '{}' has the shape [{}], and a sum but no mean", output,
                            fmt::join(total.shape, ",")));
  }
  return total.weighted[0] / static_cast<double>(rows_);
}

Array Totals::sum(const std::string& output) const {
  const Total& total = find(output);
  return Array::from(total.sum, total.shape);
}

std::vector<EpochReport> train(Program& program, Batches& batches, const TrainOptions& options) {
  return Loop(program, batches, options).run();
}

Totals evaluate(Program& program, Batches& batches, const std::string& function) {
  Variants variants(program, function);
  return evaluated(variants, batches);
}

}  // namespace sinter
