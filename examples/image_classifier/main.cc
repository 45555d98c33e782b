#include <fmt/format.h>
#include <sinter/sinter.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <limits>
#include <optional>
#include <string>

#include "examples/image_classifier/images.h"
#include "examples/image_classifier/model.h"
#include "tools/validators.h"

// Learns to tell small images apart: scikit-learn's digits, as make_digits.py writes them, MNIST's, or
// others.
namespace image_classifier {
namespace {

using namespace sinter;

struct Command {
  std::string images, labels;
  int64_t held_out = 360;
  int64_t epochs = 50;
  int64_t batch = 32;
  double rate = 4e-3;
  CompileOptions compile;
  std::string save;
  std::string report;
  std::string events;  // a folder for TensorBoard
};

Batches::Columns columns(const Images& images) {
  return {{"pixels", images.pixels}, {"labels", images.labels}};
}

void train(const Command& command) {
  const Images all = read_images(command.images, command.labels);
  if (command.held_out < 1 || command.held_out >= all.count()) {
    throw Error(fmt::format("--held-out {} leaves nothing of {} images", command.held_out, all.count()));
  }
  const Images known = all.rows(0, all.count() - command.held_out);
  const Images unknown = all.rows(known.count(), command.held_out);
  Batches to_learn(columns(known), {.size = command.batch,
                                    .order = Order::shuffled,
                                    .seed = command.compile.seed,
                                    .transform = [](Batch& batch, uint64_t seed) {
                                      distort(batch.arrays.at("pixels"), seed);
                                    }});
  Batches to_measure(columns(unknown), {.size = command.batch});

  Classifier model(all.size(), all.classes);
  const int64_t steps = std::max<int64_t>(2, command.epochs * to_learn.per_epoch());
  AdamW optimizer({.learning_rate = one_cycle(command.rate, steps), .weight_decay = 0.2});
  MovingAverage average({.decay = 0.98});

  const Dim rows{"rows"};
  const ImageSize size = all.size();
  const std::vector<Input> inputs = {{"pixels", f32, {rows, size.channels, size.height, size.width}},
                                     {"labels", i32, {rows}},
                                     {"weight", f32, {rows}}};  // 0 for what fills up the last batch
  Program program;
  program.add("train", inputs,
              [&](const Inputs& in) -> Outputs {
                const Tensor scores = model(in["pixels"]);
                const Tensor loss = cross_entropy(scores, in["labels"],
                                                  {.label_smoothing = 0.2, .position_weights = in["weight"]});
                const Update update = optimizer.minimize(loss, {.check_finite = true});
                average.update(model);
                return {{"loss", update.loss},
                        {"learning_rate", update.learning_rate},
                        {"right", accuracy_counts(scores, in["labels"], {.weights = in["weight"]})}};
              },
              {.training = true});
  program.add("evaluate", inputs, [&](const Inputs& in) -> Outputs {
    const MovingAverage::Use averaged(average, model);
    return {{"right", accuracy_counts(model(in["pixels"]), in["labels"], {.weights = in["weight"]})}};
  });
  CompileOptions compile = command.compile;
  compile.dims = {{rows, command.batch}};
  program.compile(compile);
  if (!command.report.empty()) program.start_profile();

  fmt::print("{} images to learn from, {} to measure on; {} parameters\n", known.count(), unknown.count(),
             model.parameter_count());
  const auto share = [](const Totals& totals) {
    Average right;
    right.add(totals.sum("right"));
    return right.mean();
  };
  TrainingView view(stderr, steps);
  std::optional<EventFile> events;
  if (!command.events.empty()) events.emplace(command.events);
  ReportCurve loss{.name = "loss"}, held_out{.name = "held-out accuracy"};
  sinter::train(program, to_learn,
                {.epochs = command.epochs,
                 .evaluation = &to_measure,
                 .after_step =
                     [&](const Function& step, const Batch& batch) {
                       view.step({.loss = step.value<float>("loss"),
                                  .rate = step.value<float>("learning_rate"),
                                  .rows = batch.rows});
                     },
                 .after_epoch =
                     [&](const EpochReport& epoch) {
                       view.clear();
                       fmt::print("epoch {:>3}  loss {:.4f}  accuracy {:.4f}, held out {:.4f}  {:.2f} s\n",
                                  epoch.epoch + 1, epoch.training.mean("loss"), share(epoch.training),
                                  share(epoch.evaluation), epoch.seconds);
                       std::fflush(stdout);
                       loss.points.emplace_back(epoch.epoch + 1, epoch.training.mean("loss"));
                       if (events) {
                         events->add("accuracy/train", epoch.step, share(epoch.training));
                         events->add("accuracy/held_out", epoch.step, share(epoch.evaluation));
                       }
                       held_out.points.emplace_back(epoch.epoch + 1, share(epoch.evaluation));
                     },
                 .measure = [&](const EpochReport& epoch) { return 1 - share(epoch.evaluation); },
                 .events = events ? &*events : nullptr});
  if (!command.report.empty())
    program.report(command.report, {.title = "image classifier", .curves = {loss, held_out}});
  if (!command.save.empty()) program.save(command.save);
}

}  // namespace
}  // namespace image_classifier

int main(int argc, char** argv) {
  using sinter::tools::number;
  using sinter::tools::seed;
  using sinter::tools::whole_number;
  image_classifier::Command command;
  CLI::App app("Learns to tell small images apart.");
  app.add_option("--images", command.images,
                 "IDX or npy: [rows,height,width] or [rows,channels,height,width]")
      ->required();
  app.add_option("--labels", command.labels, "IDX or npy: [rows]")->required();
  const auto count = whole_number<int64_t>(1, std::numeric_limits<int32_t>::max());
  app.add_option("--held-out", command.held_out, "how many of the last images to measure on")
      ->check(count)
      ->capture_default_str();
  app.add_option("--epochs", command.epochs)->check(count)->capture_default_str();
  app.add_option("--batch", command.batch, "images a step")->check(count)->capture_default_str();
  app.add_option("--rate", command.rate, "the highest learning rate")
      ->check(number(0, 1))
      ->capture_default_str();
  app.add_option("--device", command.compile.device, "cpu, vulkan or reference")->capture_default_str();
  app.add_option("--threads", command.compile.threads, "0: the cores that there are")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  app.add_flag("--check-numerics", command.compile.check_numerics,
               "fail with the first operation that gives a NaN or infinity");
  app.add_flag("--strict", command.compile.strict, "refuse what the device has no fast way to do");
  app.add_option("--seed", command.compile.seed)->check(seed())->capture_default_str();
  app.add_option("--save", command.save, "where to write what was learnt, as safetensors");
  app.add_option("--report", command.report,
                 "write a page for a browser: kernels, their code and times, memory, curves");
  app.add_option("--tensorboard", command.events, "write measures for TensorBoard into this folder");
  CLI11_PARSE(app, argc, argv);
  try {
    image_classifier::train(command);
    return 0;
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "image_classifier: {}\n", error.what());
    return 1;
  }
}
