#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Layers against values worked out by hand.
namespace sinter {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

auto near(std::vector<float> values) {
  return Pointwise(FloatNear(2e-6f), values);
}

// A program that applies `body` to x, with states to set by hand.
struct Applied {
  Program program;

  Applied(std::vector<Extent> shape, const std::function<Tensor(const Tensor&)>& body, bool training = false,
          DType type = f32) {
    program.add("f", {{"x", type, shape}},
                [body](const Inputs& in) -> Outputs {
                  return {{"y", body(in["x"])}};
                },
                {.training = training});
    program.compile({.device = "reference"});
  }
  void set(const std::string& name, const std::vector<float>& values) {
    program.set_state(name, Array::from<float>(values, program.state(name).shape()));
  }
  template <Element T = float>
  std::vector<float> operator()(const std::vector<T>& x) {
    Function f = program.function("f");
    f.set_input("x", Array::from<T>(x, f.inputs()[0].shape));
    f.run();
    return floats(f.output("y"));
  }
};

TEST(Layers, Linear) {
  nn::Module root;
  nn::Linear layer(root, "layer", 2, 3);
  Applied f({2, 1, 2}, [&](const Tensor& x) { return layer(x); });
  f.set("layer.weight", {1, 2, 3, 4, 5, 6});
  f.set("layer.bias", {10, 20, 30});
  EXPECT_THAT(f({1, 1, 0, -1}), ElementsAre(15, 27, 39, 6, 15, 24));
}

TEST(Layers, Embedding) {
  nn::Module root;
  nn::Embedding layer(root, "layer", 3, 2);
  Applied f(
      {2, 2}, [&](const Tensor& x) { return layer(x); }, false, i32);
  f.set("layer.weight", {0, 1, 10, 11, 20, 21});
  EXPECT_THAT(f.operator()<int32_t>({2, 0, 1, 1}), ElementsAre(20, 21, 0, 1, 10, 11, 10, 11));
}

TEST(Layers, LayerNormAndRMSNorm) {
  nn::Module root;
  nn::LayerNorm layer(root, "layer", 2, {.epsilon = 0});
  Applied f({1, 2}, [&](const Tensor& x) { return layer(x); });
  f.set("layer.scale", {2, 3});
  f.set("layer.bias", {10, 20});
  EXPECT_THAT(f({1, 5}), ElementsAre(8, 23));  // (-1, 1)

  nn::RMSNorm rms(root, "rms", 2, {.epsilon = 0});
  Applied g({1, 2}, [&](const Tensor& x) { return rms(x); });
  EXPECT_THAT(g({1, 7}), near({0.2f, 1.4f}));  // / sqrt(25)
}

TEST(Layers, FeedForward) {
  nn::Module root;
  nn::FeedForward layer(root, "layer", {.width = 1, .hidden = 2});
  Applied f({2, 1}, [&](const Tensor& x) { return layer(x); });
  f.set("layer.expand.weight", {1, -1});
  f.set("layer.expand.bias", {0, 0});
  f.set("layer.contract.weight", {10, 100});
  f.set("layer.contract.bias", {1});
  EXPECT_THAT(f({2, -3}), ElementsAre(21, 301));
}

// Queries and keys are x itself, two heads of width 1; values are x, the output its sum over heads.
TEST(Layers, AttentionAndItsWeights) {
  nn::Module root;
  nn::MultiHeadAttention layer(root, "a", {.width = 2, .heads = 2, .bias = false});
  const auto setup = [](Applied& f) {
    for (const char* part : {"query", "key", "value", "output"}) {
      const std::string name = std::string("a.") + part + ".weight";
      for (const TensorInfo& info : f.program.states()) {
        if (info.name == name) f.set(name, {1, 0, 0, 1});
      }
    }
  };
  const auto e = [](double x) { return std::exp(x); };
  // Two times; head 0 sees (1, 2), head 1 sees (0, 1): softmax of q * k for each.
  const double a = e(1) / (e(1) + e(2)), b = e(2) / (e(2) + e(4)), c = 0.5, d = 1 / (1 + e(1));
  const std::vector<float> x = {1, 0, 2, 1};
  Applied weights({1, 2, 2}, [&](const Tensor& t) { return layer.weights(t); });
  setup(weights);
  const auto f32s = [](std::vector<double> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_THAT(weights(x), near(f32s({a, 1 - a, b, 1 - b, c, 1 - c, d, 1 - d})));
  Applied output({1, 2, 2}, [&](const Tensor& t) { return layer(t); });
  setup(output);
  EXPECT_THAT(output(x), near(f32s({2 - a, 1 - c, 2 - b, 1 - d})));
  Applied padded({1, 2, 2}, [&](const Tensor& t) { return layer(t, {.lengths = full({1}, 1, i32)}); });
  setup(padded);
  EXPECT_THAT(padded(x), near({1, 0, 1, 0}));
}

TEST(Layers, WeightsAgreeWithAttention) {
  nn::Module root;
  nn::MultiHeadAttention layer(root, "a", {.width = 8, .heads = 4, .kv_heads = 2, .causal = true});
  const auto difference = evaluate_floats([&] {
    const Tensor x = sin(cast(iota({2, 5, 8}, 1), f32) + cast(iota({2, 5, 8}, 2), f32));
    const nn::AttentionInputs told{.lengths = constant(Array::from<int32_t>({5, 3}, {2}))};
    const Tensor w = layer.weights(x, told);  // [2,4,5,5]
    const Tensor v = transpose(reshape(layer.value(x), {2, 5, 2, 2}), {0, 2, 1, 3});
    const Tensor heads = reshape(contract(reshape(w, {2, 2, 2, 5, 5}), v, "bgrqk,bgku->bgrqu"), {2, 4, 5, 2});
    const Tensor y = layer.output(reshape(transpose(heads, {0, 2, 1, 3}), {2, 5, 8}));
    return max(abs(y - layer(x, told)));
  });
  EXPECT_LT(difference[0], 1e-6f);
}

TEST(Layers, Conv2d) {
  nn::Module root;
  nn::Conv2d layer(root, "c", {.channels = 1, .filters = 1, .size = 2});
  Applied f({1, 1, 3, 3}, [&](const Tensor& x) { return layer(x); });
  f.set("c.weight", {1, 2, 3, 4});
  f.set("c.bias", {100});
  EXPECT_THAT(f({1, 0, 0, 0, 1, 0, 0, 0, 1}), ElementsAre(105, 103, 102, 105));
}

TEST(Layers, BatchNorm) {
  nn::Module root;
  nn::BatchNorm layer(root, "b", 1, {.epsilon = 0, .momentum = 0.5});
  Applied train(
      {2, 1}, [&](const Tensor& x) { return layer(x); }, true);
  EXPECT_THAT(train({1, 5}), ElementsAre(-1, 1));
  EXPECT_THAT(floats(train.program.state("b.running_mean")), ElementsAre(1.5f));      // (0 + 3) / 2
  EXPECT_THAT(floats(train.program.state("b.running_variance")), ElementsAre(4.5f));  // (1 + 8) / 2
  Applied predict({2, 1}, [&](const Tensor& x) { return layer(x); });
  predict.set("b.running_mean", {1});
  predict.set("b.running_variance", {4});
  EXPECT_THAT(predict({1, 5}), ElementsAre(0, 2));
}

// PyTorch's equations for one unit, worked out in double precision.
TEST(Layers, RecurrentUnits) {
  nn::Module root;
  nn::GRU gru(root, "gru", 1, 1);
  Applied f({1, 3, 1}, [&](const Tensor& x) { return gru(x); });
  f.set("gru.cells.0.input.weight", {0.5f, -0.25f, 1});
  f.set("gru.cells.0.input.bias", {0.1f, 0.2f, -0.1f});
  f.set("gru.cells.0.hidden.weight", {0.3f, 0.7f, -0.6f});
  f.set("gru.cells.0.hidden.bias", {0, -0.1f, 0.05f});
  EXPECT_THAT(f({1, -2, 0.5f}), near({0.39321401f, -0.00887113185f, 0.202481486f}));

  nn::LSTM lstm(root, "lstm", 1, 1);
  Applied g({1, 3, 1}, [&](const Tensor& x) { return lstm(x); });
  g.set("lstm.cells.0.input.weight", {0.5f, -0.25f, 1, 0.4f});
  g.set("lstm.cells.0.input.bias", {0.1f, 0.2f, -0.1f, 0.3f});
  g.set("lstm.cells.0.hidden.weight", {0.3f, 0.7f, -0.6f, 0.2f});
  g.set("lstm.cells.0.hidden.bias", {0, -0.1f, 0.05f, 0});
  EXPECT_THAT(g({1, -2, 0.5f}), near({0.296913288f, 0.011638513f, 0.157966097f}));
}

TEST(Losses, CrossEntropy) {
  const auto loss = [](const CrossEntropyOptions& options) {
    return evaluate_floats([&] {
      const Tensor logits = constant(Array::from<float>({0, 0, 1, 0, 5, 5}, {3, 2}));
      return cross_entropy(logits, constant(Array::from<int32_t>({0, 1, -100}, {3})), options);
    })[0];
  };
  const double first = std::log(2.0), second = std::log(1 + std::exp(1.0));
  EXPECT_FLOAT_EQ(loss({.ignore_index = -100}), static_cast<float>((first + second) / 2));
  EXPECT_THAT(message_of([&] { loss({}); }), testing::HasSubstr("index -100"));
  const auto weighted = evaluate_floats([&] {
    const Tensor logits = constant(Array::from<float>({0, 0, 1, 0}, {2, 2}));
    return cross_entropy(logits, arange(2), {.weights = row({1, 3})});
  });
  EXPECT_FLOAT_EQ(weighted[0], static_cast<float>((first + 3 * second) / 4));
}

TEST(Losses, OfNumbers) {
  EXPECT_THAT(evaluate_floats([] {
                const Tensor x = row({0, 3}), t = row({1, 1});
                return stack({mean_squared_error(x, t), mean_absolute_error(x, t), huber_loss(x, t),
                              binary_cross_entropy(x, t)});
              }),
              near({2.5f, 1.5f, 1.0f, 0.370867358f}));  // (log 2 + log(1 + exp(-3))) / 2
  EXPECT_THAT(message_of([] { evaluate([] {
                                return mean_squared_error(zeros({2}), zeros({2, 1}));
                              }); }),
              testing::StartsWith("mean_squared_error: prediction f32[2] and target f32[2,1] differ"));
}

// What softplus(x) - t x tends to, and its gradient s(x) - t.
TEST(Losses, BinaryCrossEntropyOfInfiniteLogits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{infinity, -infinity, infinity, -infinity, infinity, 0, 3};
  const std::vector<float> t{1, 0, 0, 1, 0.5f, 1, 1};
  std::vector<float> losses, slopes;
  for (size_t i = 0; i < x.size(); ++i) {
    const auto both = evaluate_floats([&] {
      const Tensor logit = row({x[i]});
      const Tensor loss = binary_cross_entropy(logit, row({t[i]}));
      return stack({loss, reshape(grad(loss, {logit})[0], {})});
    });
    losses.push_back(both[0]);
    slopes.push_back(both[1]);
  }
  EXPECT_THAT(std::vector<float>(losses.begin() + 2, losses.begin() + 5), Each(infinity));
  EXPECT_THAT((std::vector<float>{losses[0], losses[1], losses[5], losses[6]}),
              near({0, 0, 0.693147181f, 0.0485873516f}));  // log(2), log(1 + exp(-3))
  EXPECT_THAT(slopes, near({0, 0, 1, -1, 0.5f, -0.5f, -0.0474258732f}));
}

TEST(Losses, Accuracy) {
  EXPECT_THAT(evaluate_floats([] {
                const Tensor logits = constant(Array::from<float>({0, 1, 1, 0, 1, 0}, {3, 2}));
                const Tensor labels = constant(Array::from<int32_t>({1, 1, -1}, {3}));
                return stack({accuracy(logits, labels), accuracy(logits, labels, -1)});
              }),
              near({1 / 3.0f, 0.5f}));
}

TEST(Functions, ReduceViewAndChoose) {
  const auto x = [] { return constant(Array::from<float>({3, 1, 2, -1, 5, 0}, {2, 3})); };
  EXPECT_THAT(evaluate_floats([&] { return sum(x(), {0, -1}); }), ElementsAre(10));
  EXPECT_THAT(evaluate_floats([&] { return max(x(), 1, keepdims) - min(x(), 0); }),
              ElementsAre(4, 2, 3, 6, 4, 5));
  EXPECT_THAT(evaluate_floats([&] {
                return cast(stack({argmax(x(), 1), argmin(x(), 1)}), f32);
              }),
              ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(evaluate_floats([&] { return slice(x(), 1, -2, 3); }), ElementsAre(1, 2, 5, 0));
  EXPECT_THAT(evaluate_floats([&] { return at(x(), -1, -1); }), ElementsAre(2, 0));
  EXPECT_THAT(evaluate_floats([&] { return split_evenly(x(), 3, 1)[1]; }), ElementsAre(1, 5));
  EXPECT_THAT(evaluate_floats([&] { return where(x() > 1, x(), 0); }), ElementsAre(3, 0, 2, 0, 5, 0));
  EXPECT_THAT(evaluate_floats([&] { return clamp(x(), 0, 2); }), ElementsAre(2, 1, 2, 0, 2, 0));
  EXPECT_THAT(evaluate_floats([&] { return top_k(x(), 2).values; }), ElementsAre(3, 2, 5, 0));
  EXPECT_THAT(evaluate_floats([&] { return one_hot(arange(2), 3); }), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_THAT(
      evaluate_floats([&] { return flatten(expand_dims(squeeze(at(expand_dims(x(), 0), 1, 0), 0), 0)); }),
      ElementsAre(3, 1, 2));
  EXPECT_THAT(evaluate_floats([&] {
                return scatter_add(zeros({3}), arange(2), row({4, 5}));
              }),
              ElementsAre(4, 5, 0));
  EXPECT_THAT(evaluate_floats([&] { return dynamic_slice(x(), {1, 2}, {1, 2}); }), ElementsAre(5, 0));
}

}  // namespace
}  // namespace sinter
