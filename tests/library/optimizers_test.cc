#include <gtest/gtest.h>

#include <memory>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/mistakes.h"

namespace sinter {
namespace {

struct Kind {
  std::string name;  // of the figures
  std::function<std::unique_ptr<Optimizer>()> make;
  bool only_matrix = false;
};

Kind sgd(const std::string& name, const SGDOptions& options) {
  return {name, [options] { return std::make_unique<SGD>(options); }};
}

const std::vector<Kind> kKinds = {
    sgd("sgd", {.learning_rate = 0.05, .weight_decay = 0.1}),
    sgd("sgd.momentum", {.learning_rate = 0.05, .momentum = 0.9}),
    sgd("sgd.dampening", {.learning_rate = 0.05, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1}),
    sgd("sgd.nesterov", {.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1}),
    {"adam",
     [] {
       return std::make_unique<Adam>(
           AdamOptions{.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.1});
     }},
    {"adamw",
     [] {
       return std::make_unique<AdamW>(
           AdamWOptions{.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.1});
     }},
    {"lamb",
     [] {
       return std::make_unique<LAMB>(LAMBOptions{.learning_rate = 0.05, .beta2 = 0.99, .weight_decay = 0.1});
     }},
    {"lion", [] { return std::make_unique<Lion>(LionOptions{.learning_rate = 0.05, .weight_decay = 0.1}); }},
    {"rmsprop",
     [] {
       return std::make_unique<RMSprop>(
           RMSpropOptions{.learning_rate = 0.05, .alpha = 0.9, .weight_decay = 0.1});
     }},
    {"rmsprop.centered",
     [] {
       return std::make_unique<RMSprop>(
           RMSpropOptions{.learning_rate = 0.05, .alpha = 0.9, .momentum = 0.8, .centered = true});
     }},
    {"adagrad",
     [] { return std::make_unique<Adagrad>(AdagradOptions{.learning_rate = 0.05, .weight_decay = 0.1}); }},
    {"adafactor",
     [] {
       return std::make_unique<Adafactor>(AdafactorOptions{.learning_rate = 0.05, .weight_decay = 0.1});
     }},
    {"muon", [] { return std::make_unique<Muon>(MuonOptions{.learning_rate = 0.05}); }, true},
};

TEST(Optimizers, AreThoseOfTheirSources) {
  for (const std::string& device : kDevices) {
    for (const Kind& it : kKinds) {
      SCOPED_TRACE(it.name + " on " + device);
      nn::Module root;
      nn::Parameter w(root, "w", {4, 3}, Initializer::values(figure("w")));
      nn::Parameter b(root, "b", {3}, Initializer::values(figure("b")));
      const std::unique_ptr<Optimizer> optimizer = it.make();
      Program program;
      program.add("train", {},
                  [&](const Inputs&) -> Outputs {
                    const Tensor matrix = sum(given("a") * w * square(w)) / 3;
                    const Tensor loss = it.only_matrix ? matrix : matrix + sum(given("c") * square(b)) / 2;
                    return {{"loss", optimizer->minimize(loss).loss}};
                  },
                  {.training = true});
      program.compile({.device = device});
      Function step = program.function("train");
      for (int i = 0; i < 5; ++i) step.run();
      EXPECT_THAT(floats(program.state("w")), near_figures(it.name + ".w"));
      if (it.only_matrix) continue;
      EXPECT_THAT(floats(program.state("b")), near_figures(it.name + ".b"));
    }
  }
}

// Adam moves a matrix of [m,n] by 2mn numbers of state, this by m + n.
TEST(Adafactor, KeepsARowAndAColumnOfAMatrix) {
  nn::Module root;
  nn::Parameter w(root, "w", {40, 30}, Initializer::zeros());
  Adafactor optimizer;
  Program program;
  program.add("train", {},
              [&](const Inputs&) -> Outputs {
                return {{"loss", optimizer.minimize(sum(square(w))).loss}};
              },
              {.training = true});
  program.compile({.device = "reference"});
  EXPECT_EQ(program.state("adafactor.rows.w").shape(), (Shape{40, 1}));
  EXPECT_EQ(program.state("adafactor.columns.w").shape(), (Shape{1, 30}));
}

TEST(Optimizers, SayWhatDoesNotFit) {
  expect_told(
      "optimizers_test.cc",
      {
          {this_line(), message_of([] { Adam({.beta1 = 1}); }), "Adam: beta1 must be in [0,1), got 1"},
          {this_line(), message_of([] { LAMB({.epsilon = -1}); }),
           "LAMB: epsilon must be finite and not negative, got -1"},
          {this_line(), message_of([] { Lion({.beta2 = -0.5}); }), "Lion: beta2 must be in [0,1), got -0.5"},
          {this_line(), message_of([] { RMSprop({.alpha = 2}); }), "RMSprop: alpha must be in [0,1), got 2"},
          {this_line(), message_of([] { Adagrad({.weight_decay = -1}); }),
           "Adagrad: weight_decay must be finite and not negative, got -1"},
          {this_line(), message_of([] { Adafactor({.beta2_decay = 0.8}); }),
           "Adafactor: beta2_decay must be finite and below 0, got 0.8"},
          {this_line(), message_of([] { Muon({.iterations = 0}); }),
           "Muon: iterations must be at least 1, got 0"},
      });
}

TEST(Muon, LeavesWhatIsNoMatrixToOthers) {
  nn::Module root;
  nn::Parameter b(root, "b", {3}, Initializer::zeros());
  Muon optimizer;
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    return {{"loss", optimizer.minimize(sum(square(b))).loss}};
  });
  EXPECT_EQ(
      message_of([&] { program.compile({.device = "reference"}); }),
      "Muon: trains matrices alone, 'b' is f32[3]: leave it to another optimiser by the option parameters "
      "of minimize");
}

}  // namespace
}  // namespace sinter
