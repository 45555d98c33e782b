#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/layers.h"
#include "tests/support/message_of.h"

// What a module tells of itself, and what layers do not take.
namespace sinter {
namespace {

struct Words : nn::Module {
  nn::Embedding table{*this, "table", 50, 8};
  nn::TransformerBlock block{*this, "block", {.attention = {.width = 8, .heads = 2}, .hidden = 16}};
  nn::Linear head{*this, "head", 8, 3};
};

bool is_bias(const Variable& parameter) {
  return parameter.path().ends_with("bias");
}

TEST(Modules, FreezeByPredicate) {
  Words words;
  EXPECT_EQ(words.parameters().size(), 1u + 8u + 4u + 4u + 2u);
  EXPECT_EQ(words.parameters(is_bias).size(), 9u);
  words.freeze();
  words.unfreeze(is_bias);
  for (const nn::Parameter* parameter : words.parameters())
    EXPECT_EQ(parameter->trainable(), is_bias(*parameter));
  words.unfreeze();
  words.block.freeze([](const Variable& p) { return !is_bias(p); });
  EXPECT_EQ(std::ranges::count_if(words.parameters(), [](const auto* p) { return !p->trainable(); }), 8);
}

TEST(Modules, ApplyToAll) {
  Words words;
  std::vector<std::string> paths;
  words.apply([&](nn::Module& module) {
    paths.push_back(module.path());
    if (auto* linear = dynamic_cast<nn::Linear*>(&module)) initialize(*linear, Initializer::ones());
  });
  EXPECT_THAT(paths, testing::ElementsAre("", "table", "block", "block.attention", "block.attention.query",
                                          "block.attention.key", "block.attention.value",
                                          "block.attention.output", "block.feed_forward",
                                          "block.feed_forward.expand", "block.feed_forward.contract",
                                          "block.attention_norm", "block.feed_forward_norm", "head"));
  EXPECT_EQ(evaluate_floats([&] { return sum(words.head.weight); })[0], 24);
}

TEST(Modules, SayWhatTheyHold) {
  nn::Module model;
  nn::Embedding words(model, "words", 50, 64);
  nn::Linear classes(model, "classes", 64, 5);
  classes.freeze(is_bias);
  EXPECT_EQ(nn::summary(model),
            "words.weight    Embedding  f32[50,64]  3,200\n"
            "classes.weight  Linear     f32[64,5]     320\n"
            "classes.bias    Linear     f32[5]          5  frozen\n"
            "3 parameters, 3,525 elements, 3,520 of them trainable, 13.8 KiB\n");
}

TEST(Modules, SayWhatTheyTake) {
  Words words;
  nn::GRU gru(words, "gru", 3, 2);
  SGD optimizer;
  Program program;
  const std::vector<Input> inputs = {{"ids", i32, {2, 5}}};
  program.add("f", inputs, [&](const Inputs& in) -> Outputs {
    return {{"y", words.head(words.table(in["ids"]))}};
  });
  program.add("walk", inputs, [&](const Inputs& in) -> Outputs {
    return {{"y", gru(words.head(words.table(in["ids"])))}};
  });
  program.add("train", inputs, [&](const Inputs& in) -> Outputs {
    return {{"loss", optimizer.minimize(sum(words.head(words.table(in["ids"])))).loss}};
  });
  program.compile({.device = "reference"});
  // Of the head 2 * 10 * 8 * 3 for products and 10 * 3 for the bias.
  EXPECT_EQ(nn::summary(program, "f"),
            "table  f32[2,5,8]  400  0 flop\n"
            "head   f32[2,5,3]   27  510 flop\n"
            "f                  427  510 flop\n");
  // 5 steps of 2 * 2 * 2 * 6 for products and 2 * 6 for the bias.
  EXPECT_THAT(nn::summary(program, "walk"),
              testing::MatchesRegex("table +f32.2,5,8. +400  0 flop\n"
                                    "head +f32.2,5,3. +27  510 flop\n"
                                    "gru +f32.2,5,2. +42  [0-9.]+ kflop\n"
                                    "gru.cells +f32.5,2,6. +42  720 flop\n"
                                    "gru.cells.0 +f32.5,2,6. +42  720 flop\n"
                                    "gru.cells.0.input +f32.5,2,6. +24  420 flop\n"
                                    "gru.cells.0.hidden +f32.2,6. +18  300 flop\n"
                                    "walk +469  [0-9.]+ kflop\n"));
  EXPECT_THAT(nn::summary(program, "train"), testing::HasSubstr("head   f32[2,5,3]   27  1.47 kflop\n"));
}

template <typename F>
std::string called(F&& body) {
  return without_place(message_of([&] { evaluate([&] { return body(); }); }));
}

template <typename L, typename... Args>
std::string made(const Args&... args) {
  nn::Module root;
  return without_place(message_of([&] { L(root, "a", args...); }));
}

TEST(Modules, RefuseOptions) {
  EXPECT_EQ((made<nn::GroupNorm>(4, 6)), "GroupNorm: groups must be a divisor of the 6 channels, got 4");
  EXPECT_EQ((made<nn::InstanceNorm>(0)), "InstanceNorm: channels must be at least 1, got 0");
  EXPECT_EQ((made<nn::EmbeddingBag>(0, 2)), "EmbeddingBag: count must be at least 1, got 0");
  EXPECT_EQ((made<nn::Conv2d>(nn::Conv2dOptions{.channels = 1, .filters = 1, .size = {3, 0}})),
            "Conv2d: size must be at least 1, got 0");
  EXPECT_EQ((made<nn::Conv1d>(nn::Conv1dOptions{.channels = 1, .filters = 1, .dilation = {1, 2}})),
            "Conv1d: dilation must be one number, got 2");
  EXPECT_EQ((made<nn::Conv3d>(nn::Conv3dOptions{.channels = 1, .filters = 1, .padding = {1, 2}})),
            "Conv3d: padding must be one number or 3, got 2");
  EXPECT_EQ((made<nn::ConvTranspose2d>(
                nn::ConvTranspose2dOptions{.channels = 1, .filters = 1, .output_padding = -1})),
            "ConvTranspose2d: output_padding must be at least 0, got -1");
  EXPECT_EQ((made<nn::GRU>(2, 2, nn::RecurrentOptions{.layers = 0})),
            "GRU: layers must be at least 1, got 0");
  EXPECT_EQ((made<nn::LSTM>(2, 2, nn::RecurrentOptions{.dropout = 2})),
            "LSTM: dropout must be in [0,1], got 2");
  EXPECT_EQ(
      (made<nn::TransformerBlock>(nn::TransformerBlockOptions{.attention = {.width = 8}, .hidden = -1})),
      "TransformerBlock: hidden must be at least 0, got -1");
  EXPECT_EQ((made<nn::Upsample>(nn::UpsampleOptions{.factor = 0})),
            "Upsample: factor must be at least 1, got 0");
}

TEST(Modules, RefuseCalls) {
  nn::Module root;
  nn::GroupNorm groups(root, "groups", 2, 4);
  EXPECT_EQ(called([&] {
              return groups(zeros({2, 3, 5}));
            }),
            "GroupNorm: takes x f32[n,4,...], got f32[2,3,5]");
  nn::Embedding table(root, "table", 7, 4);
  EXPECT_EQ(called([&] {
              return table.logits(zeros({2, 7}));
            }),
            "Embedding: takes x f32[...,4], got f32[2,7]");
  nn::EmbeddingBag bag(root, "bag", 7, 4);
  const auto ids = [] { return zeros({2, 3}, i32); };
  EXPECT_EQ(called([&] { return bag(zeros({2, 3})); }), "EmbeddingBag: takes integer ids, got f32[2,3]");
  EXPECT_EQ(called([&] { return bag(ids(), {.lengths = zeros({3}, i32)}); }),
            "EmbeddingBag: takes lengths i32[2], got i32[3]");
  EXPECT_EQ(called([&] {
              return bag(ids(), {.weights = zeros({2, 3})});
            }),
            "EmbeddingBag: weights are for bags whose mode is sum");
  nn::EmbeddingBag sums(root, "sums", 7, 4, {.mode = nn::Bag::sum});
  EXPECT_EQ(called([&] { return sums(ids(), {.weights = zeros({3})}); }),
            "EmbeddingBag: takes weights f32[2,3], got f32[3]");
  EXPECT_EQ(called([&] {
              return bag(constant(Array::from<int32_t>({1, 7}, {2})));
            }),
            "EmbeddingBag: index 7 at position [1] of 'result of constant' is outside [0,7)");
  nn::GRU gru(root, "gru", 3, 4);
  const auto x = [] { return zeros({2, 5, 3}); };
  EXPECT_EQ(called([&] { return gru(x(), {.lengths = zeros({5}, i32)}); }),
            "GRU: takes lengths i32[2], got i32[5]");
  EXPECT_EQ(called([&] {
              return gru(x(), {.initial_cell = zeros({1, 2, 4})});
            }),
            "GRU: has no cells to begin with");
  nn::TransformerBlock block(root, "block", {.attention = {.width = 3}});
  EXPECT_EQ(called([&] { return block(x(), {.context = x()}); }),
            "TransformerBlock: takes no context without the option cross");
  EXPECT_EQ(called([&] {
              return block(zeros({2, 3}));
            }),
            "TransformerBlock: takes x f32[n,t,3], got f32[2,3]");
  nn::TransformerBlock cross(root, "cross", {.attention = {.width = 3}, .cross = true});
  EXPECT_EQ(called([&] { return cross(x()); }), "TransformerBlock: needs a context, as it is cross");
  nn::Upsample twice(root, "twice", {.factor = {2, 3}});
  EXPECT_EQ(called([&] { return twice(x()); }),
            "Upsample: takes x [n,c,spatial...] for 2 factors, got f32[2,5,3]");
  EXPECT_EQ(called([&] {
              return resize(x(), {4, 4});
            }),
            "resize: takes x [n,c,spatial...] with 2 spatial axes, got f32[2,5,3]");
  EXPECT_EQ(called([&] { return resize(x(), {0}); }),
            "resize: cannot make 0 elements of axis 2 of f32[2,5,3]");
  nn::MaxPool pool(root, "pool", {.size = 4});
  EXPECT_EQ(called([&] { return pool(x()); }),
            "MaxPool: a window of 4 with dilation 1 is longer than axis 2 of f32[2,5,3]");
  nn::Sequential net(root, "net");
  EXPECT_EQ(without_place(message_of([&] { net.add(nn::Sequential::Step()); })),
            "Sequential: step 0 is no function");
}

}  // namespace
}  // namespace sinter
