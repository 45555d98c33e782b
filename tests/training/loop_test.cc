#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "tests/frontend/evaluate.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"
#include "tests/training/trainer.h"

namespace sinter {
namespace {

using testing::ElementsAre;

TEST(TrainingLoop, LearnsAndEvaluates) {
  for (const std::string device : {"cpu", "vulkan"}) {
    Trainer trainer(device);
    Batches evaluation = Trainer::data();
    std::vector<int64_t> seen;
    const std::vector<EpochReport> reports =
        train(trainer.program, trainer.batches,
              {.epochs = 4, .evaluation = &evaluation, .after_epoch = [&](const EpochReport& report) {
                 seen.push_back(report.epoch);
               }});
    ASSERT_EQ(reports.size(), 4u);
    EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(reports[3].step, 24u);
    EXPECT_EQ(reports[3].training.rows(), 22);
    EXPECT_LT(reports[3].training.mean("loss"), reports[0].training.mean("loss"));
    EXPECT_LT(reports[3].measure, reports[0].measure);
    EXPECT_EQ(reports[3].measure, reports[3].evaluation.mean("loss"));
    EXPECT_TRUE(reports[0].is_best);
    Average squares;
    squares.add(reports[3].evaluation.sum("squares"));
    EXPECT_EQ(squares.count(), 22);
    EXPECT_NEAR(squares.mean(), reports[3].measure, 1e-6);
  }
}

TEST(TrainingLoop, GoesOnBitForBit) {
  const ScratchFolder folder;
  const auto ended = [&](Trainer& trainer) {
    trainer.program.save(folder.path("end"));
    return runtime::read_file(folder.path("end"));
  };
  TrainOptions options{.epochs = 3};
  Trainer whole("cpu");
  train(whole.program, whole.batches, options);

  // Stopped in the second epoch.
  Trainer first("cpu"), second("cpu");
  Checkpoints checkpoints(folder.path("run"));
  options.checkpoints = &checkpoints;
  options.save_every = 2;
  options.after_step = [&](const Function&, const Batch&) {
    if (first.program.step() == 11) throw Error("stop");
  };
  EXPECT_EQ(message_of([&] { train(first.program, first.batches, options); }), "stop");
  options.after_step = nullptr;
  checkpoints.wait();
  Checkpoints again(folder.path("run"));
  options.checkpoints = &again;
  const std::vector<EpochReport> reports = train(second.program, second.batches, options);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].epoch, 1);
  EXPECT_EQ(reports[0].training.rows(), 6);  // of 22, without those before step 10
  EXPECT_EQ(ended(second), ended(whole));
  EXPECT_TRUE(train(second.program, second.batches, options).empty());
}

TEST(TrainingLoop, StopsWhenPatienceEnds) {
  const ScratchFolder folder;
  const std::vector<double> measures = {5, 3, 4, 2, 2, 3, 1};
  const auto epochs = [&](Trainer& trainer, int64_t most, Checkpoints& checkpoints) {
    std::vector<bool> best;
    const TrainOptions options{
        .epochs = most,
        .measure = [&](const EpochReport& r) { return measures[static_cast<size_t>(r.epoch)]; },
        .patience = 2,
        .checkpoints = &checkpoints};
    for (const EpochReport& report : train(trainer.program, trainer.batches, options))
      best.push_back(report.is_best);
    return best;
  };
  Trainer trainer("reference"), resumed("reference");
  Checkpoints checkpoints(folder.path("run"));
  EXPECT_THAT(epochs(trainer, 5, checkpoints), ElementsAre(true, true, false, true, false));
  EXPECT_THAT(epochs(resumed, 7, checkpoints), ElementsAre(false));  // the second after the best
  EXPECT_THAT(epochs(resumed, 7, checkpoints), ElementsAre());
  EXPECT_EQ(checkpoints.load_best(resumed.program)->notes.measure, 2.);
}

TEST(TrainingLoop, PrintsALineForEachEpoch) {
  Trainer trainer("reference");
  std::FILE* file = std::tmpfile();
  train(trainer.program, trainer.batches,
        {.epochs = 2, .measure = [](const EpochReport&) { return 1.5; }, .progress = file});
  std::rewind(file);
  std::string text(1000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_THAT(text, testing::MatchesRegex("epoch 1  loss [0-9.]+  measure 1.5000 .best.  [0-9.]+ s\n"
                                          "epoch 2  loss [0-9.]+  measure 1.5000  [0-9.]+ s\n"));
}

// A rate that is an input, one compiled function for each length.
TEST(TrainingLoop, TakesInputsOfItsOwnAndBuckets) {
  nn::Module root;
  nn::Parameter weight(root, "weight", {}, Initializer::zeros());
  Dim time{"time"};
  SGD sgd;
  Program program;
  program.add(
      "train", {{"x", i32, {2, time}}, {"rate", f32, {}}},
      [&](const Inputs& in) -> Outputs {
        const Tensor loss = sum(cast(in["x"], f32)) * weight;
        return {{"loss", sgd.minimize(loss, {.learning_rate = in["rate"]}).loss}, {"rate", in["rate"]}};
      },
      {.training = true});
  program.compile({.device = "cpu"});
  const Array ends = Array::from<int64_t>({1, 2, 5, 8}, {4});
  const Sequences all = sequences(Array::from<int32_t>({1, 1, 1, 1, 1, 1, 1, 1}, {8}), ends);
  Batches batches(
      {{"x", all.values}, {"length", all.lengths}},
      {.size = 2, .buckets = Buckets{.lengths = "length", .columns = {"x"}, .sizes = {1, 3}, .dim = time}});
  std::vector<int64_t> sizes;
  const TrainOptions options{
      .before_step = [](Function& f,
                        const Batch& batch) { f.input<float>("rate")[0] = batch.rows == 2 ? 0.5f : 1.f; },
      .inputs = {"rate"},
      .after_step = [&](const Function& f, const Batch&) { sizes.push_back(f.inputs()[0].shape[1]); }};
  const std::vector<EpochReport> reports = train(program, batches, options);
  EXPECT_THAT(sizes, ElementsAre(1, 3));
  EXPECT_FLOAT_EQ(program.state("weight").item<float>(), -0.5f * 2 - 0.5f * 6);
  EXPECT_EQ(message_of([&] { reports[0].training.mean("acc"); }),
            "no output is called 'acc', only 'loss', 'rate'");
  EXPECT_EQ(message_of([&] { train(program, batches, {.epochs = 2}); }),
            "batch 0 of epoch 1: a batch has no 'rate', only 'length', 'weight', 'x'");
  EXPECT_EQ(message_of([&] { train(program, batches, {.patience = -1}); }),
            "train: epochs, patience and save_every must not be negative, got 1, -1 and 0");
}

}  // namespace
}  // namespace sinter
