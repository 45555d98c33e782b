#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <source_location>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Options that cannot be meant: what each may be, said at the line where it was given.
namespace sinter {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// "message (options_test.cc:LINE, in scope)"
std::string at_option(int line, const std::string& message, const std::string& scope = "") {
  return message + " (options_test.cc:" + std::to_string(line) + (scope.empty() ? "" : ", in " + scope) + ")";
}

// What `body` says in a function that is traced.
template <typename F>
std::string traced_option(F&& body) {
  return message_of([&] {
    evaluate([&] {
      body();
      return zeros({});
    });
  });
}

// The line on which a macro begins, also for what stands in its arguments.
#define HERE static_cast<int>(std::source_location::current().line())
#define EXPECT_SAYS(made, ...) EXPECT_EQ(message_of([&] { (void)(made); }), at_option(HERE, __VA_ARGS__))
#define EXPECT_OPTION_SAYS(body, ...) EXPECT_EQ(traced_option([&] { body; }), at_option(HERE, __VA_ARGS__))

TEST(Options, OfAdamW) {
  EXPECT_SAYS(AdamW({.beta1 = 2}), "AdamW: beta1 must be in [0,1), got 2");
  EXPECT_SAYS(AdamW({.beta1 = kNaN}), "AdamW: beta1 must be in [0,1), got nan");
  EXPECT_SAYS(AdamW({.beta2 = 1}), "AdamW: beta2 must be in [0,1), got 1");
  EXPECT_SAYS(AdamW({.epsilon = -1e-8}), "AdamW: epsilon must be finite and not negative, got -1e-08");
  EXPECT_SAYS(AdamW({.weight_decay = kInfinity}),
              "AdamW: weight_decay must be finite and not negative, got inf");
  EXPECT_SAYS(AdamW({.name = "my adam"}),
              "Optimizer: name must be of letters, digits and '_', got 'my adam'");
  EXPECT_SAYS(AdamW({.name = ""}), "Optimizer: name must be of letters, digits and '_', got ''");
}

TEST(Options, OfSGD) {
  EXPECT_SAYS(SGD({.momentum = -0.5}), "SGD: momentum must be in [0,1], got -0.5");
  EXPECT_SAYS(SGD({.nesterov = true}), "SGD: nesterov takes a momentum above 0");
  EXPECT_SAYS(SGD({.dampening = 2}), "SGD: dampening must be in [0,1], got 2");
  EXPECT_SAYS(SGD({.momentum = 0.9, .dampening = 0.1, .nesterov = true}), "SGD: nesterov takes no dampening");
  EXPECT_SAYS(SGD({.weight_decay = -1}), "SGD: weight_decay must be finite and not negative, got -1");
}

TEST(Options, OfLearningRates) {
  const std::string rate = "LearningRate: rate must be finite and not negative, got ";
  EXPECT_SAYS(SGD({.learning_rate = -1}), rate + "-1");
  EXPECT_SAYS(AdamW({.learning_rate = kNaN}), rate + "nan");
  EXPECT_SAYS(LearningRate(LearningRate::Schedule()), "LearningRate: the schedule is empty");
  EXPECT_SAYS(linear_decay(1e-3, 0), "linear_decay: steps must be at least 1, got 0");
  EXPECT_SAYS(linear_decay(-1, 5), "linear_decay: rate must be finite and not negative, got -1");
  EXPECT_SAYS(linear_decay(1e-3, 5, 1.5), "linear_decay: floor must be in [0,1], got 1.5");
  EXPECT_SAYS(cosine_decay(1e-3, 0, 0), "cosine_decay: steps must be at least 1, got 0");
  EXPECT_SAYS(cosine_decay(1e-3, 100, 10), "cosine_decay: warmup must be in [0,10], the steps, got 100");
  EXPECT_SAYS(cosine_decay(1e-3, -1, 10), "cosine_decay: warmup must be in [0,10], the steps, got -1");
  EXPECT_SAYS(cosine_decay(0.5, 1, 10, 0.75), "cosine_decay: lowest must be in [0,0.5], the rate, got 0.75");
  EXPECT_SAYS(cosine_decay(kInfinity, 1, 10), "cosine_decay: rate must be finite and not negative, got inf");
}

TEST(Options, OfClipping) {
  nn::Module root;
  nn::Parameter weight(root, "w", {}, Initializer::zeros());
  SGD optimizer;
  EXPECT_OPTION_SAYS(optimizer.minimize(square(weight), {.clip_norm = -1}),
                     "minimize: clip_norm must be above 0, got -1", "sgd");
  EXPECT_OPTION_SAYS(optimizer.minimize(square(weight), {.clip_norm = kNaN}),
                     "minimize: clip_norm must be above 0, got nan", "sgd");
  EXPECT_OPTION_SAYS(clip_by_global_norm({zeros({2})}, 0),
                     "clip_by_global_norm: max_norm must be above 0, got 0");
}

TEST(Options, OfInitialisers) {
  EXPECT_SAYS(Initializer::constant(kNaN), "Initializer: constant must be a number, got nan");
  EXPECT_SAYS(Initializer::uniform(1, 0), "Initializer: high must be finite and not below low, got 0");
  EXPECT_SAYS(Initializer::uniform(-kInfinity, 0), "Initializer: low must be finite, got -inf");
  EXPECT_SAYS(Initializer::normal(0, -1), "Initializer: deviation must be finite and not negative, got -1");
  EXPECT_SAYS(Initializer::normal(kNaN, 1), "Initializer: mean must be finite, got nan");
  EXPECT_SAYS(Initializer::values(Array()), "Initializer: the array of values is undefined");
}

TEST(Options, OfLayers) {
  nn::Module root, model("model");
  EXPECT_SAYS(nn::Linear(root, "a", 2, 0), "Linear: out must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::Linear(model, "a", -2, 2), "Linear: in must be at least 1, got -2", "model.a");
  EXPECT_SAYS(nn::Embedding(root, "a", 0, 2), "Embedding: count must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::Embedding(root, "a", 2, 0), "Embedding: width must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::Embedding(root, "a", 2, 2, {.deviation = -1}),
              "Embedding: deviation must be finite and not negative, got -1", "a");
  EXPECT_SAYS(nn::LayerNorm(root, "a", 0), "LayerNorm: width must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::RMSNorm(root, "a", 2, {.epsilon = -1}),
              "RMSNorm: epsilon must be finite and not negative, got -1", "a");
  EXPECT_SAYS(nn::Dropout(root, "a", 1.5), "Dropout: rate must be in [0,1], got 1.5", "a");
  EXPECT_SAYS(nn::FeedForward(root, "a", {.width = 2, .hidden = 0}),
              "FeedForward: hidden must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::FeedForward(root, "a", {.width = 2, .hidden = 2, .dropout = -1}),
              "FeedForward: dropout must be in [0,1], got -1", "a");
  EXPECT_SAYS(nn::Conv2d(root, "a", {.channels = 3, .filters = 4, .stride = 0}),
              "Conv2d: stride must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::Conv2d(root, "a", {.channels = 3, .filters = 4, .padding = -1}),
              "Conv2d: padding must be at least 0, got -1", "a");
  EXPECT_SAYS(nn::Conv2d(root, "a", {.channels = 3, .filters = 4, .groups = 2}),
              "Conv2d: groups must be a divisor of channels and filters, got 2", "a");
  EXPECT_SAYS(nn::BatchNorm(root, "a", 0), "BatchNorm: channels must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::BatchNorm(root, "a", 2, {.momentum = 2}), "BatchNorm: momentum must be in [0,1], got 2",
              "a");
  EXPECT_SAYS(nn::GRU(root, "a", 2, 0), "GRU: width must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::LSTM(root, "a", 0, 2), "LSTM: in must be at least 1, got 0", "a");
  EXPECT_SAYS(nn::MultiHeadAttention(root, "a", {.width = 8, .heads = 3}),
              "MultiHeadAttention: heads must be a divisor of the width 8, got 3", "a");
  EXPECT_SAYS(nn::MultiHeadAttention(root, "a", {.width = 8, .heads = 4, .kv_heads = 3}),
              "MultiHeadAttention: kv_heads must be 0 or a divisor of the 4 heads, got 3", "a");
  EXPECT_SAYS(nn::MultiHeadAttention(root, "a", {.width = 8, .dropout = kNaN}),
              "MultiHeadAttention: dropout must be in [0,1], got nan", "a");
  EXPECT_SAYS(nn::Parameter(root, "a", {2, -1}, Initializer::zeros()),
              "state 'a': cannot be [2,-1]: -1 is no extent");
  EXPECT_SAYS(nn::ModuleList<nn::Linear>(root, "a", -1, 2, 2), "ModuleList: count must be at least 0, got -1",
              "a");
  EXPECT_SAYS(nn::ModuleList<nn::Linear>(root, "a", 3),
              "ModuleList: its 3 modules take arguments: begin without a count, and append", "a");
  const int line = __LINE__ + 1;
  nn::ModuleList<nn::Linear> list(root, "list");
  EXPECT_EQ(message_of([&] { list.append(2, 0); }),
            at_option(line, "Linear: out must be at least 1, got 0", "list.0"));
}

constexpr int kInside = __LINE__ + 3;
struct Inside : nn::Module {
  nn::Linear part{*this, "part", 2, 0};
  Inside() {}
};

TEST(Options, OfAMemberAreSaidWhereItIsMade) {
  EXPECT_EQ(message_of([] { Inside inside; }),
            at_option(kInside, "Linear: out must be at least 1, got 0", "part"));
}

TEST(Options, OfFunctions) {
  const auto x = [] { return zeros({2, 3}); };
  EXPECT_OPTION_SAYS(dropout(x(), 1.5), "dropout: rate must be in [0,1], got 1.5");
  EXPECT_OPTION_SAYS(leaky_relu(x(), kNaN), "leaky_relu: slope must be finite, got nan");
  EXPECT_OPTION_SAYS(elu(x(), kInfinity), "elu: alpha must be finite, got inf");
  EXPECT_OPTION_SAYS(layer_norm(x(), {}, {}, -1),
                     "layer_norm: epsilon must be finite and not negative, got -1");
  EXPECT_OPTION_SAYS(rms_norm(x(), {}, -1), "rms_norm: epsilon must be finite and not negative, got -1");
  EXPECT_OPTION_SAYS(cross_entropy(x(), arange(2), {.ignore_index = int64_t{1} << 40}),
                     "cross_entropy: ignore_index must be an i32, as the labels, got 1099511627776");
  EXPECT_OPTION_SAYS(huber_loss(x(), x(), 0), "huber_loss: delta must be finite and above 0, got 0");
  EXPECT_OPTION_SAYS(full({2}, 2.5, i32), "full: value must be whole for integers, got 2.5");
  EXPECT_OPTION_SAYS(full({-2}, 2), "full: a negative extent in shape [-2]");
  EXPECT_OPTION_SAYS(arange(-1), "arange: a negative extent in shape [-1]");
  EXPECT_OPTION_SAYS(random_uniform({2}, 1, 0),
                     "random_uniform: high must be finite and not below low, got 0");
  EXPECT_OPTION_SAYS(random_normal({2}, 0, -1),
                     "random_normal: deviation must be finite and not negative, got -1");
  EXPECT_OPTION_SAYS(one_hot(arange(2), 0), "one_hot: classes must be at least 1, got 0");
  EXPECT_OPTION_SAYS(check_index(arange(2), 0), "check_index: bound must be at least 1, got 0");
  EXPECT_OPTION_SAYS(scan({x()}, {},
                          [](const auto& carries, const auto&) {
                            return ScanStep{carries, {}};
                          },
                          {.length = -2}),
                     "scan: length must be at least -1, got -2");
  EXPECT_OPTION_SAYS(
      max_pool(zeros({1, 1, 4, 4}), {2, 2}, {.stride = {0, 2}}),
      "max_pool: size 2, stride 0 and dilation 1 must be at least 1 on axis 2 of x f32[1,1,4,4]");
  EXPECT_OPTION_SAYS(max_pool(zeros({1, 1, 4, 4}), {5, 2}),
                     "max_pool: a window of 5 with dilation 1 is longer than axis 2 of f32[1,1,4,4]");
  EXPECT_OPTION_SAYS(convolution(zeros({1, 1, 4, 4}), zeros({1, 1, 2, 2}), {.padding = {-1, 0}}),
                     "convolution: negative padding on axis 2 of x f32[1,1,4,4]");
}

TEST(Options, OfAttention) {
  const auto q = [] { return zeros({1, 2, 3, 4}); };
  EXPECT_OPTION_SAYS(attention(q(), q(), q(), {.scale = kNaN}), "attention: scale must be finite, got nan");
  EXPECT_OPTION_SAYS(attention(q(), q(), q(), {.window = 0}), "attention: window must be at least 1, got 0");
  EXPECT_OPTION_SAYS(attention(q(), q(), q(), {.softcap = 0.0}),
                     "attention: softcap must be finite and above 0, got 0");
  EXPECT_OPTION_SAYS(attention(q(), q(), q(), {.dropout = -0.5}),
                     "attention: dropout must be in [0,1], got -0.5");
  EXPECT_OPTION_SAYS(attention_weights(q(), q(), {.window = -1}),
                     "attention: window must be at least 1, got -1");
}

TEST(Options, OfFunctionsInAModule) {
  nn::Module model("model");
  EXPECT_OPTION_SAYS(const nn::Scope scope(model);
                     dropout(zeros({2}), 2), "dropout: rate must be in [0,1], got 2", "model");
}

}  // namespace
}  // namespace sinter
