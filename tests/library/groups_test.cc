#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

struct Three : nn::Module {
  nn::Parameter a{*this, "a", {2}, Initializer::values(Array::from<float>({1, -2}, {2}))};
  nn::Parameter b{*this, "b", {2}, Initializer::values(Array::from<float>({3, 4}, {2}))};
  nn::Parameter c{*this, "c", {1}, Initializer::values(Array::from<float>({5}, {1}))};

  // Its gradients are 2 a = (2, -4), 2 b = (6, 8) and 2 c = 10.
  Tensor loss() const { return sum(square(a)) + sum(square(b)) + sum(square(c)); }
};

// What a step of SGD leaves of a, b and c, one after the other.
std::vector<float> after_step(const std::function<MinimizeOptions(Three&)>& options,
                              double weight_decay = 0) {
  Three model;
  SGD optimizer({.learning_rate = 0.1, .weight_decay = weight_decay});
  Program program;
  program.add("train", {},
              [&](const Inputs&) -> Outputs {
                return {{"loss", optimizer.minimize(model.loss(), options(model)).loss}};
              },
              {.training = true});
  program.compile();
  program.run("train", {});
  std::vector<float> all;
  for (const char* name : {"a", "b", "c"}) {
    for (float value : floats(program.state(name))) all.push_back(value);
  }
  return all;
}

auto near(std::vector<float> values) {
  std::vector<testing::Matcher<float>> matchers;
  for (float value : values) matchers.push_back(FloatNear(value, 2e-6f));
  return testing::ElementsAreArray(matchers);
}

Parameters only(const nn::Parameter& parameter) {
  return std::vector<const Variable*>{&parameter};
}

TEST(Groups, LearnAtARateOfTheirOwn) {
  // a: 0.1 * 0.5, b: 0, c: 0.1
  const auto options = [](Three& model) {
    return MinimizeOptions{
        .groups = {{.parameters = only(model.a), .rate = 0.5}, {.parameters = only(model.b), .rate = 0}}};
  };
  EXPECT_THAT(after_step(options), near({1 - 0.1f, -2 + 0.2f, 3, 4, 5 - 1}));
}

TEST(Groups, DecayByThemselves) {
  // The gradients are larger by 0.5 of the value, for b by 0, for c by 1 of it.
  const auto options = [](Three& model) {
    return MinimizeOptions{.groups = {{.parameters = only(model.b), .weight_decay = 0},
                                      {.parameters = only(model.c), .weight_decay = 1}}};
  };
  EXPECT_THAT(after_step(options, 0.5), near({1 - 0.25f, -2 + 0.5f, 3 - 0.6f, 4 - 0.8f, 5 - 1.5f}));
}

TEST(Groups, AreClippedByValueAndByNorm) {
  // a to 3 an element; b of norm 10 to one of 5.
  const auto options = [](Three& model) {
    return MinimizeOptions{.groups = {{.parameters = only(model.a), .clip_value = 3},
                                      {.parameters = only(model.b), .clip_norm = 5}}};
  };
  EXPECT_THAT(after_step(options), near({1 - 0.2f, -2 + 0.3f, 3 - 0.3f, 4 - 0.4f, 5 - 1}));
  // All to 6 an element, and then from a norm of sqrt(4 + 16 + 36 + 36 + 36) to half of it.
  const double norm = std::sqrt(128.0) / 2;
  const auto all = [&](Three&) { return MinimizeOptions{.clip_value = 6, .clip_norm = norm}; };
  EXPECT_THAT(after_step(all), near({1 - 0.1f, -2 + 0.2f, 3 - 0.3f, 4 - 0.3f, 5 - 0.3f}));
}

TEST(Groups, MayBeFrozen) {
  const auto options = [](Three& model) {
    return MinimizeOptions{.groups = {{.parameters = {only(model.a), only(model.c)}, .frozen = true}}};
  };
  EXPECT_THAT(after_step(options), near({1, -2, 3 - 0.6f, 4 - 0.8f, 5}));
}

TEST(Groups, SayWhatIsWrong) {
  const auto message = [](const std::function<MinimizeOptions(Three&)>& options) {
    return message_of([&] { after_step(options); });
  };
  EXPECT_THAT(message([](Three& model) {
                return MinimizeOptions{.groups = {{.parameters = model}, {.parameters = only(model.b)}}};
              }),
              HasSubstr("minimize: 'b' is in two groups (groups_test.cc:"));
  EXPECT_THAT(
      message([](Three& model) { return MinimizeOptions{.groups = {{.parameters = model, .rate = -1}}}; }),
      HasSubstr("minimize: rate must be finite and not negative, got -1 (groups_test.cc:"));
  EXPECT_THAT(message([](Three&) { return MinimizeOptions{.clip_value = 0}; }),
              HasSubstr("minimize: clip_value must be above 0, got 0 (groups_test.cc:"));
}

// Two layers, of which the first does not learn: what it does backward is not computed.
TEST(Freeze, CostsNoGradient) {
  const auto kernels_of_first = [](bool train) {
    nn::Module root;
    nn::Linear first(root, "first", 6, 8), second(root, "second", 8, 3);
    first.freeze();
    SGD optimizer;
    Program program;
    program.add("f", {{"x", f32, {16, 6}}}, [&](const Inputs& in) -> Outputs {
      const Tensor loss = mean(square(second(tanh(first(in["x"])))));
      return {{"loss", train ? optimizer.minimize(loss).loss : loss}};
    });
    program.compile();
    const std::string text = program.explain("f");
    int count = 0;
    for (size_t at = text.find("in first"); at != std::string::npos; at = text.find("in first", at + 1))
      ++count;
    return count;
  };
  EXPECT_GT(kernels_of_first(false), 0);
  EXPECT_EQ(kernels_of_first(true), kernels_of_first(false));
}

// A parameter that goes 1, 2, 3 has, from its first value on, the averages 1, 0.75 * 1 + 0.25 * 2 = 1.25 and
// 0.75 * 1.25 + 0.25 * 3 = 1.6875.
TEST(MovingAverage, FollowsAParameter) {
  for (const std::string& device : kDevices) {
    nn::Module root;
    nn::Parameter w(root, "w", {2}, Initializer::zeros());
    MovingAverage average({.decay = 0.75});
    Program program;
    program.add("train", {}, [&](const Inputs&) -> Outputs {
      w.assign(w + 1);
      average.update(root);
      return {};
    });
    program.add("evaluate", {}, [&](const Inputs&) -> Outputs {
      const Tensor trained = w * 1;
      Tensor averaged;
      {
        const MovingAverage::Use use(average, root);
        averaged = w * 1;
      }
      return {{"trained", trained}, {"averaged", averaged}, {"again", w * 1}};
    });
    program.compile({.device = device});
    EXPECT_THAT(floats(program.run("evaluate", {}).at("averaged")), ElementsAre(0, 0));
    for (const float expected : {1.f, 1.25f, 1.6875f}) {
      program.run("train", {});
      const Arrays result = program.run("evaluate", {});
      EXPECT_THAT(floats(result.at("averaged")), ElementsAre(expected, expected));
      EXPECT_EQ(floats(result.at("trained")), floats(result.at("again")));
    }
    EXPECT_THAT(floats(program.state("ema.w")), ElementsAre(1.6875f, 1.6875f));
    EXPECT_THAT(floats(program.state("w")), ElementsAre(3, 3));
  }
}

TEST(MovingAverage, SaysWhatIsWrong) {
  EXPECT_THAT(message_of([] { MovingAverage average({.decay = 1}); }),
              HasSubstr("MovingAverage: decay must be in [0,1), got 1 (groups_test.cc:"));
  EXPECT_THAT(
      message_of([] { MovingAverage average({.name = "e m a"}); }),
      HasSubstr("MovingAverage: name must be of letters, digits and '_', got 'e m a' (groups_test.cc:"));
}

}  // namespace
}  // namespace sinter
