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

using testing::ElementsAre;

constexpr float kNone = -std::numeric_limits<float>::infinity();

// What `draw` gives on a device, 0 being the step.
std::vector<int32_t> drawn(const std::string& device, const std::function<Tensor()>& draw) {
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs { return {{"y", draw()}}; });
  program.compile({.device = device, .seed = 5});
  const Array result = program.run("f", {}).at("y");
  const auto values = result.values<int32_t>();
  return {values.begin(), values.end()};
}

std::vector<double> shares(const std::vector<int32_t>& classes, int32_t count) {
  std::vector<double> shares(static_cast<size_t>(count));
  for (const int32_t c : classes)
    shares.at(static_cast<size_t>(c)) += 1.0 / static_cast<double>(classes.size());
  return shares;
}

// 40,000 rows of one distribution: within four deviations of it, the same on every device.
TEST(Sampling, FollowsTheProbabilities) {
  const std::vector<float> probabilities = {0.1f, 0.5f, 0, 0.15f, 0.25f};
  const auto draw = [] {
    const Tensor logits = log(row({0.1f, 0.5f, 0, 0.15f, 0.25f}));
    return categorical(broadcast_to(logits, {40'000, 5}));
  };
  const std::vector<int32_t> classes = drawn("reference", draw);
  const std::vector<double> found = shares(classes, 5);
  for (size_t c = 0; c < 5; ++c)
    EXPECT_NEAR(found[c], probabilities[c], 4 * std::sqrt(probabilities[c] / 40'000.0)) << c;
  EXPECT_EQ(drawn("cpu", draw), classes);
  EXPECT_EQ(drawn("vulkan", draw), classes);
}

TEST(Sampling, DrawsSeveral) {
  const auto weights = [] { return broadcast_to(row({3, 0, 1, 4}), {2000, 4}); };
  const std::vector<int32_t> all = drawn("cpu", [&] { return multinomial(weights(), 10, true); });
  EXPECT_THAT(shares(all, 4), ElementsAre(testing::DoubleNear(0.375, 0.02), 0,
                                          testing::DoubleNear(0.125, 0.02), testing::DoubleNear(0.5, 0.02)));
  // Without replacement each once; the first of two is drawn as if alone.
  const std::vector<int32_t> two = drawn("cpu", [&] { return multinomial(weights(), 2); });
  std::vector<int32_t> first;
  for (size_t i = 0; i < two.size(); i += 2) {
    EXPECT_NE(two[i], two[i + 1]);
    first.push_back(two[i]);
  }
  EXPECT_THAT(shares(first, 4),
              ElementsAre(testing::DoubleNear(0.375, 0.05), 0, testing::DoubleNear(0.125, 0.05),
                          testing::DoubleNear(0.5, 0.05)));
  EXPECT_EQ(std::count(two.begin(), two.end(), 1), 0);
}

TEST(Sampling, KeepsTheLargest) {
  const auto x = [] { return row({1, 3, 2, 3, 0, 2}); };
  const auto kept = [&](Operand k) { return keep_top_k(x(), k); };
  EXPECT_THAT(evaluate_floats([&] { return kept(1); }), ElementsAre(kNone, 3, kNone, kNone, kNone, kNone));
  EXPECT_THAT(evaluate_floats([&] { return kept(3); }), ElementsAre(kNone, 3, 2, 3, kNone, kNone));
  for (const int k : {0, 6, 9})
    EXPECT_THAT(evaluate_floats([&] { return kept(k); }), ElementsAre(1, 3, 2, 3, 0, 2)) << k;
  // A number of each row's own.
  EXPECT_THAT(evaluate_floats([&] {
                const Tensor k = constant(Array::from<int32_t>({2, 0, 9, 4}, {4}));
                return keep_top_k(broadcast_to(x(), {4, 6}), k);
              }),
              ElementsAre(kNone, 3, kNone, 3, kNone, kNone,  //
                          1, 3, 2, 3, 0, 2,                  //
                          1, 3, 2, 3, 0, 2,                  //
                          kNone, 3, 2, 3, kNone, 2));
}

TEST(Sampling, KeepsTheMostProbable) {
  // Of 0.1, 0.4, 0.2, 0.2, 0.1.
  const auto kept = [](Operand p) {
    const Tensor all = log(row({1, 4, 2, 2, 1}));
    return cast(is_finite(keep_top_p(all, p)), f32);
  };
  EXPECT_THAT(evaluate_floats([&] { return kept(0); }), ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(evaluate_floats([&] { return kept(0.39); }), ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(evaluate_floats([&] { return kept(0.55); }), ElementsAre(0, 1, 1, 0, 0));
  EXPECT_THAT(evaluate_floats([&] { return kept(0.85); }), ElementsAre(1, 1, 1, 1, 0));
  EXPECT_THAT(evaluate_floats([&] { return kept(1); }), testing::Each(1));
  EXPECT_THAT(evaluate_floats([&] { return kept(full({}, 1)); }), testing::Each(1));
  EXPECT_THAT(evaluate_floats([&] { return kept(full({}, 0.55)); }), ElementsAre(0, 1, 1, 0, 0));
}

// The options as numbers and as tensors draw the same.
TEST(Sampling, TakesTemperatureAndFilters) {
  const auto logits = [] { return broadcast_to(row({0, 2, 1, 1.5f}), {500, 4}); };
  const std::vector<int32_t> few =
      drawn("cpu", [&] { return sample(logits(), {.temperature = 0.5, .top_k = 2, .top_p = 0.99}); });
  EXPECT_GT(std::count(few.begin(), few.end(), 1), 300);
  EXPECT_GT(std::count(few.begin(), few.end(), 3), 50);
  EXPECT_EQ(std::count(few.begin(), few.end(), 1) + std::count(few.begin(), few.end(), 3), 500);
  EXPECT_EQ(drawn("vulkan",
                  [&] {
                    return sample(
                        logits(),
                        {.temperature = full({}, 0.5), .top_k = full({}, 2, i32), .top_p = full({}, 0.99)});
                  }),
            few);
  for (const bool is_tensor : {false, true}) {
    EXPECT_THAT(
        drawn("cpu",
              [&] { return sample(logits(), {.temperature = is_tensor ? Operand(zeros({})) : Operand(0)}); }),
        testing::Each(1));
  }
}

std::string complaint(const std::function<Tensor()>& body) {
  return std::regex_replace(message_of([&] { evaluate(body); }), std::regex(":[0-9]+\\)"), ")");
}

TEST(Sampling, SaysWhatDoesNotFit) {
  EXPECT_EQ(complaint([] { return categorical(zeros({})); }),
            "categorical: takes logits [...,classes], got f32[] (sampling_test.cc)");
  EXPECT_EQ(complaint([] { return keep_top_k(zeros({3}), -1); }),
            "keep_top_k: k must be at least 0, got -1 (sampling_test.cc)");
  EXPECT_EQ(complaint([] { return keep_top_k(zeros({3}), 0.5); }),
            "keep_top_k: takes integer k, got f32[] (sampling_test.cc)");
  EXPECT_EQ(complaint([] { return keep_top_p(zeros({3}), -0.5); }),
            "keep_top_p: p must be finite and not negative, got -0.5 (sampling_test.cc)");
  EXPECT_EQ(complaint([] {
              return keep_top_p(zeros({2, 3}), zeros({3}));
            }),
            "keep_top_p: takes a p that broadcasts to f32[2], got f32[3] (sampling_test.cc)");
  EXPECT_EQ(
      complaint([] { return multinomial(ones({3}), 4); }),
      "multinomial: count must be at most 3, the classes, without replacement, got 4 (sampling_test.cc)");
  EXPECT_EQ(complaint([] { return sample(zeros({3}), {.temperature = -1}); }),
            "sample: temperature must be finite and not negative, got -1 (sampling_test.cc)");
}

}  // namespace
}  // namespace sinter
