#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

std::vector<float> rates(const LearningRate& rate, int64_t steps) {
  return evaluate_floats([&] { return rate.at(arange(steps, f32)); });
}

// The one_cycle and staircase of PyTorch, and its ReduceLROnPlateau.
TEST(Schedules, AreThoseOfPyTorch) {
  EXPECT_THAT(rates(exponential_decay(0.5, 0.9), 8), near_figures("exponential"));
  EXPECT_THAT(rates(exponential_decay(0.5, 0.5, 3), 10), near_figures("staircase"));
  EXPECT_THAT(rates(one_cycle(0.5, 10, {.rising = 0.4, .start = 10, .end = 100}), 10),
              near_figures("one_cycle"));
  Plateau plateau(0.5, {.factor = 0.5, .patience = 2, .threshold = 1e-3});
  std::vector<float> falling;
  for (const double measure : {3., 2., 2.5, 2.1, 1.9999, 2.2, 1., 1., 1., 1., 1.})
    falling.push_back(static_cast<float>(plateau.update(measure)));
  EXPECT_THAT(falling, near_figures("plateau"));
}

// 0.4 * (1/4, 2/4, 3/4), then the decay from its own step 0.
TEST(Schedules, WarmUpBeforeAnother) {
  EXPECT_THAT(rates(warm_up(3, linear_decay(0.4, 4)), 8),
              testing::Pointwise(testing::FloatNear(1e-6f),
                                 std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f, 0.3f, 0.2f, 0.1f, 0}));
}

TEST(Schedules, EndWhereTheyEnd) {
  EXPECT_THAT(rates(one_cycle(0.5, 2, {.rising = 0.1}), 3),
              testing::Pointwise(testing::FloatNear(1e-6f), std::vector<float>{0.5f, 2e-6f, 2e-6f}));
}

TEST(Schedules, SayWhatDoesNotFit) {
  const auto at_line = [](int line, const std::string& message) {
    return message + " (learning_rates_test.cc:" + std::to_string(line) + ")";
  };
  EXPECT_EQ(message_of([] { exponential_decay(1, 1.5); }),
            at_line(__LINE__ - 1, "exponential_decay: factor must be in (0,1], got 1.5"));
  EXPECT_EQ(message_of([] { one_cycle(1, 1); }),
            at_line(__LINE__ - 1, "one_cycle: steps must be at least 2, got 1"));
  EXPECT_EQ(message_of([] { warm_up(0, 1e-3); }),
            at_line(__LINE__ - 1, "warm_up: steps must be at least 1, got 0"));
  EXPECT_EQ(message_of([] { Plateau(1, {.factor = 1}); }),
            at_line(__LINE__ - 1, "Plateau: factor must be in (0,1), got 1"));
}

}  // namespace
}  // namespace sinter
