#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

// Minimises sum(a * w^2), a = (1, -2, 0.5), from w = (0.5, -1.25, 2).
struct Descent {
  nn::Module root;
  nn::Parameter weight{root, "w", {3}, Initializer::values(Array::from<float>({0.5f, -1.25f, 2.0f}, {3}))};
  Program program;

  Descent(Optimizer& optimizer, const MinimizeOptions& options = {}) {
    program.add("train", {},
                [&optimizer, options, this](const Inputs&) -> Outputs {
                  const Tensor loss = sum(row({1, -2, 0.5}) * square(weight));
                  const Update update = optimizer.minimize(loss, options);
                  return {{"loss", update.loss}, {"rate", update.learning_rate}};
                },
                {.training = true});
    program.compile({.device = "reference"});
  }
  std::vector<float> after(int steps) {
    Function step = program.function("train");
    for (int i = 0; i < steps; ++i) step.run();
    return floats(program.state("w"));
  }
};

auto near_state(std::vector<float> values) {
  return testing::Pointwise(testing::FloatNear(2e-6f), values);
}

// In double precision, g = 2 a w, for t = 1 .. 5:
//   w *= 1 - 0.1 * 0.1;  m += (g - m) * 0.1;  v = 0.99 v + 0.01 g^2
//   w -= 0.1 / (1 - 0.9^t) * m / (sqrt(v) / sqrt(1 - 0.99^t) + 1e-8)
TEST(AdamW, FollowsItsFormula) {
  AdamW optimizer({.learning_rate = 0.1, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1});
  Descent descent(optimizer);
  EXPECT_THAT(descent.after(1), near_state({0.395000001f, -1.3375f, 1.88f}));
  EXPECT_THAT(descent.after(4), near_state({0.0144843016f, -1.68047617f, 1.41532684f}));
}

TEST(AdamW, DecaysOnlyWhatItIsToldTo) {
  AdamW optimizer({.learning_rate = 0.1, .weight_decay = 0.1, .decays = [](const Variable& parameter) {
                     return parameter.path() != "w";
                   }});
  Descent descent(optimizer);
  EXPECT_THAT(descent.after(1), near_state({0.4f, -1.35f, 1.9f}));  // every gradient is positive
}

// In double precision, g = 2 a w + 0.1 w:  u = 0.9 u + g;  w -= 0.05 (g + 0.9 u)
TEST(SGD, FollowsItsFormula) {
  SGD optimizer({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
  Descent descent(optimizer);
  EXPECT_THAT(descent.after(3), near_state({0.150125275f, -3.93658166f, 1.19647107f}));
}

TEST(Optimizer, TakesTheRateOfTheStep) {
  SGD optimizer({.learning_rate = linear_decay(0.5, 4, 0.1)});
  Descent descent(optimizer);
  std::vector<float> rates;
  for (int i = 0; i < 6; ++i) rates.push_back(descent.program.run("train", {}).at("rate").item<float>());
  EXPECT_THAT(rates, near_state({0.5f, 0.375f, 0.25f, 0.125f, 0.05f, 0.05f}));
}

TEST(Optimizer, TakesAFunctionOfTheStepForItsRate) {
  SGD optimizer({.learning_rate = [](const Tensor& step) { return 0.5 / (step + 1); }});
  Descent descent(optimizer);
  std::vector<float> rates;
  for (int i = 0; i < 4; ++i) rates.push_back(descent.program.run("train", {}).at("rate").item<float>());
  EXPECT_THAT(rates, near_state({0.5f, 0.25f, 0.5f / 3, 0.125f}));
}

// nanoGPT's get_lr in double precision.
TEST(Schedules, CosineWithWarmUp) {
  const LearningRate rate = cosine_decay(1e-3, 100, 2000, 1e-4);
  const auto rates = evaluate_floats([&] {
    std::vector<Tensor> parts;
    for (double step : {0., 50., 99., 100., 1050., 2000., 5000.}) parts.push_back(rate.at(full({}, step)));
    return stack(parts);
  });
  EXPECT_THAT(rates, testing::Pointwise(testing::FloatNear(1e-9f),
                                        std::vector<float>{9.9009901e-06f, 0.000504950495f, 0.00099009901f,
                                                           1e-3f, 0.00055f, 1e-4f, 1e-4f}));
}

TEST(Schedules, AtTheirEnds) {
  const auto rates = [](const LearningRate& rate) {
    return evaluate_floats([&] {
      std::vector<Tensor> parts;
      for (double step : {0., 3., 4., 5., 100.}) parts.push_back(rate.at(full({}, step)));
      return stack(parts);
    });
  };
  // The whole training is warm-up: then the full rate, then the lowest.
  EXPECT_THAT(rates(cosine_decay(0.01, 4, 4, 0.001)), near_state({0.002f, 0.008f, 0.01f, 0.001f, 0.001f}));
  EXPECT_THAT(rates(cosine_decay(0.01, 0, 1)), near_state({0.01f, 0, 0, 0, 0}));
  EXPECT_THAT(rates(linear_decay(0.01, 1, 0.5)), near_state({0.01f, 0.005f, 0.005f, 0.005f, 0.005f}));
}

TEST(Optimizer, ClipsByTheJointNorm) {
  const auto clipped = [](double bound) {
    return evaluate_floats([=] {
      const ClippedGradients result = clip_by_global_norm({row({3}), row({0, 4})}, bound);
      return concat({result.gradients[0], result.gradients[1], reshape(result.norm, {1})}, 0);
    });
  };
  EXPECT_THAT(clipped(1), near_state({0.6f, 0, 0.8f, 5}));
  EXPECT_THAT(clipped(10), near_state({3, 0, 4, 5}));
  EXPECT_THAT(clipped(std::numeric_limits<double>::infinity()), near_state({3, 0, 4, 5}));
}

TEST(Optimizer, LeavesFrozenParametersAlone) {
  SGD optimizer({.learning_rate = 1});
  nn::Module root;
  nn::Linear frozen(root, "frozen", 1, 1), free(root, "free", 1, 1);
  frozen.freeze();
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    return {{"loss", optimizer.minimize(sum(free(frozen(ones({1, 1}))))).loss}};
  });
  program.compile({.device = "reference"});
  const float before = program.state("frozen.weight").item<float>();
  const float moved = program.state("free.bias").item<float>();
  program.run("train", {});
  EXPECT_EQ(program.state("frozen.weight").item<float>(), before);
  EXPECT_FLOAT_EQ(program.state("free.bias").item<float>(), moved - 1);
}

TEST(Optimizer, FailsTheStepWhereTheLossIsNotFinite) {
  SGD optimizer({.learning_rate = 1});
  nn::Module root;
  nn::Parameter weight(root, "w", {}, Initializer::constant(-1));
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    return {{"loss", optimizer.minimize(log(weight), {.check_finite = true}).loss}};
  });
  program.compile({.device = "reference"});
  EXPECT_THAT(message_of([&] { program.run("train", {}); }), testing::HasSubstr("loss is not finite: "));
  EXPECT_EQ(program.state("w").item<float>(), -1);
  EXPECT_EQ(program.state("sgd.step").item<int32_t>(), 0);
}

TEST(Optimizer, NeedsAParameterAndUpdatesOnce) {
  SGD optimizer;
  EXPECT_THAT(
      message_of([&] { evaluate([&] { return optimizer.minimize(sum(ones({2}))).loss; }); }),
      testing::HasSubstr("minimize: the loss is made from no trainable parameter (optimizer_test.cc:"));
  nn::Module root;
  nn::Parameter weight(root, "w", {}, Initializer::zeros());
  EXPECT_THAT(message_of([&] {
                evaluate([&] {
                  optimizer.minimize(square(weight));
                  return optimizer.minimize(square(weight)).loss;
                });
              }),
              testing::HasSubstr("minimize: 'sgd' updates once in a function"));
}

}  // namespace
}  // namespace sinter
