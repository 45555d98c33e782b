#include "examples/attention_classifier/trainer.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/examples/trained.h"
#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::map<std::string, std::vector<float>> state_of(const sinter::Program& program) {
  std::map<std::string, std::vector<float>> values;
  for (const sinter::TensorInfo& state : program.states()) {
    if (state.dtype != sinter::f32) continue;
    const sinter::Array array = program.state(state.name);
    values[state.name] = {array.values<float>().begin(), array.values<float>().end()};
  }
  return values;
}

TEST(Trainer, LearnsFromEpochToEpoch) {
  Trainer trainer = SmallTraining({.epochs = 3}).make();
  EXPECT_EQ(trainer.steps_per_epoch(), 16);
  const double untrained = trainer.dev_accuracy();
  const EpochMetrics first = trainer.run_epoch();
  const EpochMetrics second = trainer.run_epoch();
  const EpochMetrics third = trainer.run_epoch();
  EXPECT_EQ(first.epoch, 1);
  EXPECT_EQ(third.epoch, 3);
  EXPECT_LT(second.loss, 0.9 * first.loss);
  EXPECT_LT(third.loss, 0.9 * second.loss);
  EXPECT_GT(third.train_accuracy, first.train_accuracy);
  EXPECT_GT(third.dev_accuracy, untrained + 0.3);
}

TEST(Trainer, SaysWhichStepFailedAndKeepsTheStateBeforeIt) {
  // The first step leaves parameters with which the second overflows.
  Trainer trainer = SmallTraining({.learning_rate = 1e20}).make();
  EXPECT_THAT(sinter::message_of([&] { trainer.run_epoch(); }),
              StartsWith("step 2 of epoch 1: loss is not finite: nan ("));
  EXPECT_EQ(trainer.program().step(), 1u);
  for (const auto& [name, values] : state_of(trainer.program())) {
    EXPECT_THAT(values, testing::Each(testing::Truly([](float x) { return std::isfinite(x); }))) << name;
  }
}

TEST(Trainer, DependsOnItsSeed) {
  const auto loss = [](uint64_t seed) {
    return SmallTraining({.epochs = 1, .seed = seed}).make().run_epoch().loss;
  };
  const double one = loss(1);
  EXPECT_EQ(loss(1), one);
  EXPECT_NE(loss(2), one);
}

TEST(Trainer, NamesWhatItCannotDo) {
  SmallTraining training;
  training.options.batch = 300;
  EXPECT_EQ(sinter::message_of([&] { training.make(); }),
            "the training data does not fill one batch of 300: it has 260 windows of 10 words");
  training.options.batch = 16;
  training.options.device = "abacus";
  EXPECT_THAT(sinter::message_of([&] { training.make(); }), HasSubstr("unknown device 'abacus'"));
}

TEST(Trainer, WordsAloneHaveNoOtherParameters) {
  SmallTraining training;
  training.model.features = Features::word;
  const auto state = state_of(training.make().program());
  EXPECT_TRUE(state.contains("words.weight"));
  EXPECT_FALSE(state.contains("endings.weight"));
  EXPECT_FALSE(state.contains("shapes.weight"));
}

}  // namespace
}  // namespace attention_classifier
