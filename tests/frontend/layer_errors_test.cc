#include <gtest/gtest.h>

#include <source_location>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Layers and functions made from others, given what they do not take, speak of themselves and of the user's
// line.
namespace sinter {
namespace {

std::string at(int line, const std::string& message, const std::string& scope = "") {
  return message + " (layer_errors_test.cc:" + std::to_string(line) + (scope.empty() ? "" : ", in " + scope) +
         ")";
}

template <typename F>
std::string traced(F&& body, bool training = false) {
  return message_of([&] {
    evaluate(
        [&] {
          body();
          return zeros({});
        },
        {.training = training});
  });
}

// The line on which a macro begins, also for what stands in its arguments.
#define HERE static_cast<int>(std::source_location::current().line())
#define EXPECT_TRACED(body, ...) EXPECT_EQ(traced([&] { (void)(body); }), at(HERE, __VA_ARGS__))

TEST(LayerErrors, OfOneInput) {
  nn::Module root;
  nn::Linear linear(root, "linear", 7, 3);
  EXPECT_TRACED(linear(zeros({4, 8})), "Linear: takes x f32[...,7], got f32[4,8]", "linear");
  EXPECT_TRACED(linear(zeros({})), "Linear: takes x f32[...,7], got f32[]", "linear");
  EXPECT_TRACED(linear(zeros({7}, i32)), "Linear: takes x f32[...,7], got i32[7]", "linear");
  EXPECT_TRACED(linear(Tensor()), "Linear: x is undefined", "linear");
  nn::Embedding words(root, "words", 5, 2);
  EXPECT_TRACED(words(zeros({4})), "Embedding: takes integer ids, got f32[4]", "words");
  nn::LayerNorm norm(root, "norm", 4);
  EXPECT_TRACED(norm(zeros({4, 5})), "LayerNorm: takes x f32[...,4], got f32[4,5]", "norm");
  nn::RMSNorm rms(root, "rms", 4);
  EXPECT_TRACED(rms(zeros({4}, f64)), "RMSNorm: takes x f32[...,4], got f64[4]", "rms");
  nn::Dropout drop(root, "drop", 0.5);
  EXPECT_TRACED(drop(arange(3)), "Dropout: takes a floating x, got i32[3]", "drop");
  nn::FeedForward forward(root, "forward", {.width = 4, .hidden = 8});
  EXPECT_TRACED(forward(zeros({4, 5})), "FeedForward: takes x f32[...,4], got f32[4,5]", "forward");
  nn::FeedForward odd(root, "odd",
                      {.width = 4, .hidden = 8, .activation = [](const Tensor& x) { return sum(x, -1); }});
  EXPECT_TRACED(odd(zeros({2, 4})), "FeedForward: the activation of f32[2,8] gives f32[2]", "odd");
}

TEST(LayerErrors, OfImages) {
  nn::Module root;
  nn::Conv2d layer(root, "layer", {.channels = 3, .filters = 4, .size = 5, .padding = 1});
  EXPECT_TRACED(layer(zeros({1, 4, 8, 8})), "Conv2d: takes x f32[n,3,h,w], got f32[1,4,8,8]", "layer");
  EXPECT_TRACED(layer(zeros({3, 8, 8})), "Conv2d: takes x f32[n,3,h,w], got f32[3,8,8]", "layer");
  EXPECT_TRACED(
      layer(zeros({1, 3, 8, 2})),
      "Conv2d: a kernel that reaches over 5 is longer than all 4 with padding on axis 3 of x f32[1,3,8,2]",
      "layer");
  nn::BatchNorm norm(root, "norm", 3);
  EXPECT_TRACED(norm(zeros({2, 4, 8})), "BatchNorm: takes x f32[n,3,...], got f32[2,4,8]", "norm");
  EXPECT_TRACED(norm(zeros({3})), "BatchNorm: takes x f32[n,3,...], got f32[3]", "norm");
}

// A variance of one value is 0, and its unbiased form has no value.
TEST(LayerErrors, OfABatchOfOneValue) {
  nn::Module root;
  nn::BatchNorm norm(root, "norm", 3);
  const std::string message = "BatchNorm: takes more than one value of a channel to train on, got ";
  EXPECT_EQ(traced(
                [&] {
                  (void)norm(zeros({1, 3, 1, 1}));
                },
                true),
            at(HERE, message + "f32[1,3,1,1]", "norm"));
  EXPECT_EQ(traced([&] { (void)norm(zeros({0, 3})); }, true), at(HERE, message + "f32[0,3]", "norm"));
  EXPECT_EQ(traced([&] { (void)norm(zeros({1, 3})); }), "");
}

TEST(LayerErrors, OfWalksAlongTime) {
  nn::Module root;
  nn::LSTM lstm(root, "lstm", 4, 8);
  EXPECT_TRACED(lstm(zeros({5, 4})), "LSTM: takes x f32[n,t,4], got f32[5,4]", "lstm");
  EXPECT_TRACED(lstm(zeros({2, 5, 3})), "LSTM: takes x f32[n,t,4], got f32[2,5,3]", "lstm");
  nn::GRU gru(root, "gru", 4, 8);
  EXPECT_TRACED(gru(zeros({5, 4})), "GRU: takes x f32[n,t,4], got f32[5,4]", "gru");
  EXPECT_TRACED(gru(zeros({2, 5, 4}), {.initial = zeros({1, 2, 7})}),
                "GRU: takes initial f32[1,2,8], got f32[1,2,7]", "gru");
}

TEST(LayerErrors, OfAttention) {
  nn::Module root;
  nn::MultiHeadAttention layer(root, "layer", {.width = 8, .heads = 2});
  const auto x = [] { return zeros({3, 5, 8}); };
  const std::string head = "MultiHeadAttention: takes ";
  EXPECT_TRACED(layer(zeros({5, 8})), head + "x f32[n,t,8], got f32[5,8]", "layer");
  EXPECT_TRACED(layer.weights(zeros({3, 5, 7})), head + "x f32[n,t,8], got f32[3,5,7]", "layer");
  EXPECT_TRACED(layer(x(), {.lengths = zeros({4}, i32)}), head + "lengths i32[3], got i32[4]", "layer");
  EXPECT_TRACED(layer(x(), {.lengths = zeros({3})}), head + "lengths i32[3], got f32[3]", "layer");
  EXPECT_TRACED(layer(x(), {.mask = zeros({5, 4}, boolean)}),
                head + "a mask that broadcasts to bool[3,2,5,5], got bool[5,4]", "layer");
  EXPECT_TRACED(layer(x(), {.bias = zeros({5, 5}, i32)}),
                head + "a bias that broadcasts to f32[3,2,5,5], got i32[5,5]", "layer");
  EXPECT_TRACED(layer(x(), {.context = zeros({2, 6, 8})}), head + "context f32[3,s,8], got f32[2,6,8]",
                "layer");
}

TEST(LayerErrors, OfAttentionsWeights) {
  const auto q = [] { return zeros({1, 2, 3, 4}); };
  EXPECT_TRACED(attention_weights(q(), zeros({1, 2, 3, 5})),
                "attention_weights: q f32[1,2,3,4] and k f32[1,2,3,5] do not fit each other");
  EXPECT_TRACED(attention_weights(q(), q(), {.lengths = zeros({2}, i32)}),
                "attention_weights: takes lengths i32[1], got i32[2]");
  EXPECT_TRACED(attention_weights(q(), q(), {.mask = zeros({3, 3})}),
                "attention_weights: takes a mask that broadcasts to bool[1,2,3,3], got f32[3,3]");
  EXPECT_TRACED(attention_weights(q(), q(), {.bias = zeros({4, 3})}),
                "attention_weights: takes a bias that broadcasts to f32[1,2,3,3], got f32[4,3]");
}

TEST(LayerErrors, OfLosses) {
  const auto x = [] { return zeros({4, 5}); };
  EXPECT_TRACED(binary_cross_entropy(arange(3), arange(3)),
                "binary_cross_entropy: takes a floating prediction, got i32[3]");
  EXPECT_TRACED(mean_absolute_error(x(), zeros({5})),
                "mean_absolute_error: prediction f32[4,5] and target f32[5] differ");
  EXPECT_TRACED(huber_loss(x(), Tensor()), "huber_loss: target is undefined");
  EXPECT_TRACED(accuracy(x(), arange(5)), "accuracy: labels i32[5] do not fit logits f32[4,5]");
  EXPECT_TRACED(accuracy(x(), zeros({4})), "accuracy: takes integer labels, got f32[4]");
  EXPECT_TRACED(cross_entropy(x(), arange(5)), "cross_entropy: labels i32[5] do not fit logits f32[4,5]");
}

TEST(LayerErrors, OfFunctionsMadeFromOthers) {
  const auto x = [] { return zeros({2, 3}); };
  EXPECT_TRACED(clamp(x(), zeros({4}), 1), "clamp: shapes do not broadcast: lhs f32[2,3], rhs f32[4]");
  EXPECT_TRACED(where(x(), x(), x()), "where: takes a bool condition, got f32[2,3]");
  EXPECT_TRACED(broadcast_to(x(), {2, 4}),
                "broadcast_to: f32[2,3] does not broadcast to [2,4] by axes [0,1]");
  EXPECT_TRACED(stack({x(), zeros({3, 2})}), "stack: parts differ besides axis 0: f32[1,2,3] and f32[1,3,2]");
  EXPECT_TRACED(matmul(x(), x()), "matmul: inner dimensions differ: lhs f32[2,3] has 3, rhs f32[2,3] has 2");
}

TEST(LayerErrors, OutsideOfAFunction) {
  nn::Module root;
  nn::Linear hidden(root, "hidden", 2, 16);
  nn::BatchNorm norm(root, "norm", 2);
  SGD optimizer;
  const std::string none = ": no function is being traced; build tensors inside one given to Program::add";
  EXPECT_EQ(message_of([&] { (void)hidden(Tensor()); }), at(HERE, "Linear" + none, "hidden"));
  EXPECT_EQ(message_of([&] { (void)norm(Tensor()); }), at(HERE, "BatchNorm" + none, "norm"));
  EXPECT_EQ(message_of([&] { (void)optimizer.minimize(Tensor()); }), at(HERE, "minimize" + none, "sgd"));
  EXPECT_EQ(message_of([&] { (void)accuracy(Tensor(), Tensor()); }), at(HERE, "accuracy" + none));
  EXPECT_EQ(message_of([&] { const Tensor weight = hidden.weight; }), "read 'hidden.weight'" + none);
}

// Found when the program runs.
TEST(LayerErrors, OfAnIndexSpeakOfWhatWasCalled) {
  for (const char* device : {"reference", "cpu"}) {
    nn::Module root;
    nn::Embedding words(root, "words", 3, 2);
    const auto failure = [&](const std::function<Tensor(const Tensor&)>& body) {
      Program program;
      program.add("f", {{"ids", i32, {4}}}, [&](const Inputs& in) -> Outputs {
        return {{"y", body(in["ids"])}};
      });
      program.compile({.device = device, .threads = 1});
      return message_of([&] { program.run("f", {{"ids", Array::from<int32_t>({0, 1, 7, 2}, {4})}}); });
    };
    const std::string wrong = ": index 7 at position [2] of 'ids' is outside [0,3)";
    EXPECT_EQ(failure([&](const Tensor& ids) { return words(ids); }), at(HERE, "Embedding" + wrong, "words"));
    EXPECT_EQ(failure([](const Tensor& ids) {
                return cross_entropy(zeros({4, 3}), ids);
              }),
              at(HERE, "cross_entropy" + wrong));
    EXPECT_EQ(failure([](const Tensor& ids) {
                return gather(zeros({3, 2}), ids);
              }),
              at(HERE, "gather" + wrong));
    EXPECT_EQ(failure([](const Tensor& ids) { return check_index(ids, 3); }),
              at(HERE, "check_index" + wrong));
  }
}

TEST(ModuleList, BeginsEmpty) {
  struct Mlp : nn::Module {
    nn::ModuleList<nn::Linear> layers{*this, "layers"};
    nn::ModuleList<nn::Linear> none{*this, "none", 0};
    Mlp() {
      layers.append(2, 8);
      layers.append(8, 3);
    }
  };
  Mlp model;
  EXPECT_EQ(model.layers.size(), 2);
  EXPECT_EQ(model.none.size(), 0);
  EXPECT_EQ(model.layers[1].weight.path(), "layers.1.weight");
  EXPECT_EQ(model.parameter_count(), 2 * 8 + 8 + 8 * 3 + 3);
}

}  // namespace
}  // namespace sinter
