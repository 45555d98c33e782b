#include <gtest/gtest.h>

#include <memory>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/mistakes.h"

namespace sinter {
namespace {

std::vector<float> rates(const LearningRate& rate, int64_t steps) {
  return evaluate_floats([&] { return rate.at(arange(steps, f32)); });
}

constexpr int64_t kSteps = 12;

const std::vector<std::pair<std::string, LearningRate>> kSchedules = {
    {"constant", 0.5},
    {"linear", linear_decay(0.5, 8)},
    {"linear_floor", linear_decay(0.5, 8, 0.25)},
    {"cosine", cosine_decay(0.5, 0, 11, 0.05)},
    {"cosine_warm_up", cosine_decay(0.5, 3, 9, 0.05)},
    {"exponential", exponential_decay(0.5, 0.9)},
    {"staircase", exponential_decay(0.5, 0.5, 3)},
    {"one_cycle", one_cycle(0.5, kSteps, {.rising = 0.4, .start = 10, .end = 100})},
    {"warm_up", warm_up(4, exponential_decay(0.5, 0.9))},
};

// In the program, by the step that the optimiser counts: what it says, and what it moves a parameter by whose
// gradient is 1.
TEST(Schedules, AreThoseOfPyTorchStepByStep) {
  for (const std::string& device : kDevices) {
    nn::Module root;
    std::vector<std::unique_ptr<nn::Parameter>> parameters;
    std::vector<std::unique_ptr<SGD>> optimizers;
    Program program;
    for (const auto& [name, rate] : kSchedules) {
      auto& w = *parameters.emplace_back(
          std::make_unique<nn::Parameter>(root, "w_" + name, Shape{}, Initializer::zeros()));
      auto& sgd = *optimizers.emplace_back(
          std::make_unique<SGD>(SGDOptions{.learning_rate = rate, .name = "sgd_" + name}));
      program.add(name, {}, [&](const Inputs&) -> Outputs {
        return {{"rate", sgd.minimize(w + 0).learning_rate}};
      });
    }
    program.compile({.device = device});
    for (const auto& [name, rate] : kSchedules) {
      SCOPED_TRACE(name + " on " + device);
      std::vector<float> seen;
      double moved = 0;
      for (int64_t step = 0; step < kSteps; ++step) {
        seen.push_back(program.run(name, {}).at("rate").item<float>());
        moved += seen.back();
        EXPECT_NEAR(-program.state("w_" + name).item<float>(), moved, 1e-5);
      }
      EXPECT_THAT(seen, near_figures(name));
    }
  }
}

TEST(Schedules, FallWhereAMeasureNoLongerDoesAsInPyTorch) {
  Plateau plateau(0.5, {.factor = 0.5, .patience = 2, .threshold = 1e-3});
  std::vector<float> falling;
  for (const double measure : {3., 2., 2.5, 2.1, 1.9999, 2.2, 1., 1., 1., 1., 1.})
    falling.push_back(static_cast<float>(plateau.update(measure)));
  EXPECT_THAT(falling, near_figures("plateau"));
}

TEST(Schedules, EndWhereTheyEnd) {
  EXPECT_THAT(rates(one_cycle(0.5, 2, {.rising = 0.1}), 3),
              testing::Pointwise(testing::FloatNear(1e-6f), std::vector<float>{0.5f, 2e-6f, 2e-6f}));
}

TEST(Schedules, SayWhatDoesNotFit) {
  expect_told(
      "learning_rates_test.cc",
      {
          {this_line(), message_of([] { exponential_decay(1, 1.5); }),
           "exponential_decay: factor must be in (0,1], got 1.5"},
          {this_line(), message_of([] { one_cycle(1, 1); }), "one_cycle: steps must be at least 2, got 1"},
          {this_line(), message_of([] { warm_up(0, 1e-3); }), "warm_up: steps must be at least 1, got 0"},
          {this_line(), message_of([] { Plateau(1, {.factor = 1}); }),
           "Plateau: factor must be in (0,1), got 1"},
      });
}

}  // namespace
}  // namespace sinter
