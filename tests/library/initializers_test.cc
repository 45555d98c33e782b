#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// How parameters begin.
namespace sinter {
namespace {

// The state "w" of this shape on a device, which is on all the same.
std::vector<float> begun(const Initializer& initializer, const Extents& shape,
                         const std::string& device = "reference", int threads = 1) {
  nn::Module root;
  nn::Parameter w(root, "w", shape, initializer);
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs { return {{"y", w.read()}}; });
  program.compile({.device = device, .threads = threads, .seed = 4});
  return floats(program.state("w"));
}

double mean_of(const std::vector<float>& x) {
  double sum = 0;
  for (const float value : x) sum += value;
  return sum / static_cast<double>(x.size());
}
double deviation_of(const std::vector<float>& x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}
float largest_of(const std::vector<float>& x) {
  float largest = 0;
  for (const float value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

void expect_spread(const std::vector<float>& x, double deviation, bool uniform) {
  EXPECT_NEAR(mean_of(x), 0, 0.03 * deviation);
  EXPECT_NEAR(deviation_of(x), deviation, 0.02 * deviation);
  if (uniform) {
    EXPECT_LE(largest_of(x), std::sqrt(3.0) * deviation);
    EXPECT_GT(largest_of(x), 1.72 * deviation);
  } else {
    EXPECT_GT(largest_of(x), 3 * deviation);
  }
}

TEST(Initializers, SpreadByFans) {
  const Extents matrix = {100, 300}, kernel = {60, 40, 3, 2};
  expect_spread(begun(Initializer::xavier_uniform(2), matrix), 2 * std::sqrt(2.0 / 400), true);
  expect_spread(begun(Initializer::xavier_normal(), matrix), std::sqrt(2.0 / 400), false);
  expect_spread(begun(Initializer::kaiming_uniform(), matrix), std::sqrt(2.0 / 100), true);
  expect_spread(begun(Initializer::kaiming_normal(1, Fan::out), matrix), std::sqrt(1.0 / 300), false);
  expect_spread(begun(Initializer::kaiming_normal(), kernel), std::sqrt(2.0 / 240), false);
  expect_spread(begun(Initializer::kaiming_uniform(1, Fan::both), kernel), std::sqrt(1.0 / 300), true);
  expect_spread(begun(Initializer::kaiming_normal(1).with_fans(4, 5), {5000}), 0.5, false);
}

TEST(Initializers, TruncatedNormalStaysInside) {
  const std::vector<float> x = begun(Initializer::truncated_normal(1, 2, -1, 2), {40000});
  EXPECT_GE(*std::min_element(x.begin(), x.end()), -1);
  EXPECT_LE(*std::max_element(x.begin(), x.end()), 2);
  // a = -1, b = 0.5 deviations: mean + deviation * (pdf(a) - pdf(b)) / (cdf(b) - cdf(a)).
  EXPECT_NEAR(mean_of(x), 1 + 2 * (0.2419707 - 0.3520653) / (0.6914625 - 0.1586553), 0.02);
}

// Rows of what is wider, columns of what is higher.
TEST(Initializers, OrthogonalIs) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{5, 9}, {9, 5}, {6, 6}}) {
    const std::vector<float> w = begun(Initializer::orthogonal(2), {rows, columns});
    const bool by_rows = rows <= columns;
    const int64_t count = std::min(rows, columns), width = std::max(rows, columns);
    for (int64_t a = 0; a < count; ++a) {
      for (int64_t b = 0; b < count; ++b) {
        double product = 0;
        for (int64_t i = 0; i < width; ++i) {
          const auto at = [&](int64_t k) {
            return static_cast<double>(w[static_cast<size_t>(by_rows ? k * columns + i : i * columns + k)]);
          };
          product += at(a) * at(b);
        }
        EXPECT_NEAR(product, a == b ? 4 : 0, 1e-6);
      }
    }
  }
}

TEST(Initializers, ThatPassOn) {
  EXPECT_THAT(begun(Initializer::identity(3), {2, 3}), testing::ElementsAre(3, 0, 0, 0, 3, 0));
  nn::Module root;
  nn::Conv2d layer(root, "layer",
                   {.channels = 4,
                    .filters = 4,
                    .padding = 1,
                    .groups = 2,
                    .weight_initializer = Initializer::dirac(2),
                    .bias_initializer = Initializer::zeros()});
  const std::vector<float> same = evaluate_floats([&] {
    const Tensor x = reshape(cast(arange(4 * 5 * 3), f32), {1, 4, 5, 3});
    return max(abs(layer(x) - x));
  });
  EXPECT_EQ(same[0], 0);
}

TEST(Initializers, AreTheSameOnAllDevices) {
  for (const Initializer& one : {Initializer::truncated_normal(), Initializer::orthogonal(),
                                 Initializer::xavier_uniform(), Initializer::kaiming_normal()}) {
    const std::vector<float> expected = begun(one, {70, 90});
    EXPECT_EQ(begun(one, {70, 90}, "cpu", 2), expected);
    EXPECT_EQ(begun(one, {70, 90}, "vulkan"), expected);
  }
}

std::string begun_message(const Initializer& initializer, const Extents& shape) {
  return message_of([&] { begun(initializer, shape); });
}

TEST(Initializers, RefuseWhatCannotBeMeant) {
  EXPECT_EQ(begun_message(Initializer::xavier_normal(), {3}),
            "state 'w' is f32[3], its initializer takes two axes or more, to see fans");
  EXPECT_EQ(begun_message(Initializer::orthogonal(), {3}),
            "state 'w' is f32[3], its initializer takes two axes or more");
  EXPECT_EQ(begun_message(Initializer::identity(), {3, 3, 3}),
            "state 'w' is f32[3,3,3], its initializer takes two axes");
  EXPECT_EQ(begun_message(Initializer::dirac(2), {3, 3, 3}),
            "state 'w' is f32[3,3,3], its initializer takes [o,c,spatial...] with an o of 2 groups");
  EXPECT_THAT(
      message_of([] { Initializer::truncated_normal(0, 1, 5, 6); }),
      testing::StartsWith("Initializer: truncated_normal: of numbers of mean 0 and deviation 1 too few "
                          "lie in [5,6] (initializers_test.cc:"));
  EXPECT_THAT(message_of([] { Initializer::kaiming_normal(-1); }),
              testing::StartsWith("Initializer: gain must be finite and not negative, got -1 ("));
}

// By the options of layers, and afterwards by which parameters.
TEST(Initializers, OfLayers) {
  nn::Module root;
  nn::Linear linear(
      root, "linear", 400, 100,
      {.weight_initializer = Initializer::kaiming_normal(), .bias_initializer = Initializer::constant(2)});
  nn::Embedding words(root, "words", 50, 300, {.weight_initializer = Initializer::xavier_uniform()});
  nn::GRU gru(root, "gru", 6, 4, {.bias_initializer = Initializer::zeros()});
  nn::MultiHeadAttention attention(root, "attention",
                                   {.width = 8, .weight_initializer = Initializer::identity()});
  nn::TransformerBlock block(root, "block", {.attention = {.width = 64}});
  initialize({block, [](const Variable& p) { return p.path().ends_with("expand.weight"); }},
             Initializer::kaiming_uniform(1, Fan::out));
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs {
    Tensor total = zeros({});
    for (const nn::Parameter* parameter : root.parameters()) total += sum(parameter->read());
    return {{"y", total}};
  });
  program.compile({.device = "reference", .seed = 1});
  const auto state = [&](const std::string& name) { return floats(program.state(name)); };
  expect_spread(state("linear.weight"), std::sqrt(2.0 / 400), false);
  EXPECT_THAT(state("linear.bias"), testing::Each(2));
  expect_spread(state("words.weight"), std::sqrt(2.0 / 350), true);
  EXPECT_THAT(state("gru.cells.0.hidden.bias"), testing::Each(0));
  EXPECT_LE(largest_of(state("gru.cells.0.input.weight")), 0.5f);
  EXPECT_EQ(state("attention.value.weight")[9], 1);
  expect_spread(state("block.feed_forward.expand.weight"), std::sqrt(1.0 / 256), true);
  EXPECT_LE(largest_of(state("block.feed_forward.contract.weight")), 1.0f / 16);
}

}  // namespace
}  // namespace sinter
