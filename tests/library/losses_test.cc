#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <regex>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

struct Loss {
  std::string name;   // of the figures
  std::string first;  // the operand with respect to which there is a gradient
  std::function<Tensor(const Tensor&)> loss;
};

Tensor entropy(const Tensor& logits, const CrossEntropyOptions& options = {}) {
  return cross_entropy(logits, minimum(given("labels"), 4), options);
}
Tensor entropy_ignored(const Tensor& logits, CrossEntropyOptions options) {
  options.ignore_index = 7;
  return cross_entropy(logits, given("labels"), options);
}

// A loss of LossOptions, in each reduction and weighted: NAME.mean, NAME.sum, NAME.none, NAME.weighted.
struct Reduced {
  std::string name;
  std::string first;
  std::function<Tensor(const Tensor&, const LossOptions&)> loss;
  std::string weights = "weights";
};

const std::vector<Reduced> kReduced = {
    {"binary", "x",
     [](const Tensor& x, const LossOptions& how) { return binary_cross_entropy(x, given("chances"), how); }},
    {"squared", "x",
     [](const Tensor& x, const LossOptions& how) { return mean_squared_error(x, given("y"), how); }},
    {"absolute", "x",
     [](const Tensor& x, const LossOptions& how) { return mean_absolute_error(x, given("y"), how); }},
    {"huber", "x",
     [](const Tensor& x, const LossOptions& how) { return huber_loss(x, given("y"), 0.7, how); }},
    {"focal", "x",
     [](const Tensor& x, const LossOptions& how) {
       return focal_loss(x, (given("signs") + 1) * 0.5,
                         {.alpha = 0.25, .reduction = how.reduction, .weights = how.weights});
     }},
    {"hinge", "x",
     [](const Tensor& x, const LossOptions& how) { return hinge_loss(x, given("signs"), how); }},
    {"gaussian", "x",
     [](const Tensor& x, const LossOptions& how) {
       return gaussian_nll(x, given("y"), given("variances"), 1e-6, how);
     }},
    {"gaussian.variance", "variances",
     [](const Tensor& v, const LossOptions& how) {
       return gaussian_nll(given("x"), given("y"), v, 1e-6, how);
     }},
    {"kl", "x",
     [](const Tensor& x, const LossOptions& how) {
       return kl_divergence(log_softmax(x), given("targets"), how);
     },
     "row_weights"},
    {"cosine", "x",
     [](const Tensor& x, const LossOptions& how) {
       return cosine_loss(x, given("y"), given("row_signs"), 0.1, how);
     },
     "row_weights"},
    {"triplet", "x",
     [](const Tensor& x, const LossOptions& how) { return triplet_loss(x, given("y"), given("z"), 1, how); },
     "row_weights"},
    {"info_nce", "x",
     [](const Tensor& x, const LossOptions& how) { return info_nce(x, given("y"), 0.2, how); },
     "row_weights"},
};

const std::vector<Loss> kOthers = {
    {"cross_entropy", "logits", [](const Tensor& x) { return entropy(x); }},
    {"cross_entropy.sum", "logits",
     [](const Tensor& x) { return entropy(x, {.reduction = Reduction::sum}); }},
    {"cross_entropy.none", "logits",
     [](const Tensor& x) { return entropy(x, {.reduction = Reduction::none}); }},
    {"cross_entropy.smooth", "logits", [](const Tensor& x) { return entropy(x, {.label_smoothing = 0.1}); }},
    {"cross_entropy.smooth_weighted", "logits",
     [](const Tensor& x) {
       return entropy_ignored(x, {.weights = given("class_weights"), .label_smoothing = 0.1});
     }},
    {"cross_entropy.none_ignored", "logits",
     [](const Tensor& x) { return entropy_ignored(x, {.reduction = Reduction::none}); }},
    {"cross_entropy.positions", "logits",
     [](const Tensor& x) { return entropy(x, {.position_weights = given("position_weights")}); }},
    {"logsumexp", "x", [](const Tensor& x) { return logsumexp(x, -1); }},
    {"variance", "x", [](const Tensor& x) { return variance(x, 0, KeepDims::no, 1); }},
    {"deviation", "x", [](const Tensor& x) { return standard_deviation(x, -1); }},
    {"norm", "x", [](const Tensor& x) { return norm(x, -1); }},
};

std::vector<Loss> all_losses() {
  std::vector<Loss> all = kOthers;
  for (const Reduced& it : kReduced) {
    const auto add = [&](const std::string& how, const std::function<LossOptions()>& options) {
      all.push_back(
          {it.name + how, it.first, [&it, options](const Tensor& x) { return it.loss(x, options()); }});
    };
    add(".mean", [] { return LossOptions(); });
    add(".sum", [] { return LossOptions{.reduction = Reduction::sum}; });
    add(".none", [] { return LossOptions{.reduction = Reduction::none}; });
    add(".weighted", [&it] { return LossOptions{.weights = given(it.weights)}; });
  }
  return all;
}

// One program a device, of all losses: `value` and `gradient` of each.
TEST(Losses, AreThoseOfTheirSources) {
  const std::vector<Loss> all = all_losses();
  for (const std::string& device : kDevices) {
    Program program;
    std::vector<Input> inputs;
    for (const char* name : {"logits", "x", "variances"}) inputs.push_back({name, f32, figure(name).shape()});
    program.add("losses", inputs, [&](const Inputs& in) -> Outputs {
      Outputs outputs;
      for (const Loss& it : all) {
        const Tensor value = it.loss(in[it.first]);
        outputs.push_back({it.name + ".value", value});
        outputs.push_back({it.name + ".gradient", grad(sum(value), {in[it.first]})[0]});
      }
      return outputs;
    });
    program.compile({.device = device});
    const auto results = program.run(
        "losses", {{"logits", figure("logits")}, {"x", figure("x")}, {"variances", figure("variances")}});
    for (const Loss& it : all) {
      for (const char* what : {".value", ".gradient"}) {
        SCOPED_TRACE(it.name + what + " on " + device);
        EXPECT_THAT(floats(results.at(it.name + what)), near_figures(it.name + what));
      }
    }
  }
}

// Zero vectors, dead rows, nothing that counts: values and gradients are finite.
TEST(Losses, AreFiniteWhereNothingIsToBeLearnt) {
  Program program;
  program.add("f", {{"x", f32, {2, 3}}}, [](const Inputs& in) -> Outputs {
    const Tensor x = in["x"];
    const Tensor dead = x - std::numeric_limits<float>::infinity();
    const Tensor losses[] = {sum(norm(x, -1)), sum(standard_deviation(x, -1)),
                             cosine_loss(x, ones({2, 3}), ones({2})),
                             sum(where(logsumexp(dead, -1) < 0, 1, 0)),
                             mean_squared_error(x, ones({2, 3}), {.weights = zeros({2, 3})})};
    Tensor total = losses[0];
    for (size_t i = 1; i < 5; ++i) total = total + cast(losses[i], f32);
    return {{"total", total}, {"gradient", grad(total + sum(exp(logsumexp(dead, -1))), {x})[0]}};
  });
  program.compile({.device = "reference"});
  const auto results = program.run("f", {{"x", Array::from<float>({0, 0, 0, 0, 0, 0}, {2, 3})}});
  EXPECT_EQ(results.at("total").item<float>(), 3);  // 1 - a similarity of 0, and two dead rows
  for (const float value : floats(results.at("gradient"))) EXPECT_TRUE(std::isfinite(value)) << value;
}

// What is said of `body`, without the line: "message (losses_test.cc)".
std::string traced(const std::function<Tensor()>& body) {
  return std::regex_replace(message_of([&] { evaluate(body); }), std::regex(":[0-9]+\\)"), ")");
}

TEST(Losses, SayWhatDoesNotFit) {
  EXPECT_EQ(traced([] { return focal_loss(zeros({2}), zeros({2}), {.gamma = -1}); }),
            "focal_loss: gamma must be finite and not negative, got -1 (losses_test.cc)");
  EXPECT_EQ(traced([] {
              return cross_entropy(zeros({2, 3}), zeros({2}, i32), {.label_smoothing = 1.5});
            }),
            "cross_entropy: label_smoothing must be in [0,1], got 1.5 (losses_test.cc)");
  EXPECT_EQ(traced([] { return kl_divergence(zeros({}), zeros({})); }),
            "kl_divergence: takes probabilities along a last axis, got a scalar (losses_test.cc)");
  EXPECT_EQ(traced([] {
              return info_nce(zeros({2, 3, 4}), zeros({2, 3, 4}));
            }),
            "info_nce: takes x f32[n,width], got f32[2,3,4] (losses_test.cc)");
  EXPECT_EQ(traced([] { return hinge_loss(zeros({2}), zeros({3})); }),
            "hinge_loss: prediction f32[2] and target f32[3] differ (losses_test.cc)");
  EXPECT_EQ(
      traced([] { return mean_squared_error(zeros({2}), zeros({2}), {.weights = zeros({3})}); }),
      "mean_squared_error: takes a tensor of weights that broadcasts to f32[2], got f32[3] (losses_test.cc)");
  EXPECT_EQ(traced([] {
              return variance(zeros({2, 3}), 1, KeepDims::no, 3);
            }),
            "variance: correction must be in [0,3), the elements, got 3 (losses_test.cc)");
}

}  // namespace
}  // namespace sinter
