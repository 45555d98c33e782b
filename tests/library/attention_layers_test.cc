#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/library/layers.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

constexpr int64_t kAttentionWidth = 12;

LayerCase attention_case(const std::string& name, nn::MultiHeadAttentionOptions options) {
  options.width = kAttentionWidth;
  return {name, made_layer<nn::MultiHeadAttention>(options)};
}

TEST(AttentionLayers, AreThoseOfTheirPapers) {
  const auto turned = [](nn::Module&, const std::string&) {
    return [](const Tensor& x) { return rotary(x, arange(5) + 7); };
  };
  const auto crossed = [](nn::Module& root, const std::string& name) {
    auto layer = std::make_shared<nn::MultiHeadAttention>(
        root, name, nn::MultiHeadAttentionOptions{.width = kAttentionWidth, .heads = 2, .context_width = 7});
    return [layer](const Tensor& x) {
      return (*layer)(x, {.context = given("layers/attention_cross.context")});
    };
  };
  expect_figures({
      {"rotary", turned},
      {"attention", made_layer<nn::MultiHeadAttention>(
                        nn::MultiHeadAttentionOptions{.width = 8, .heads = 2, .causal = true})},
      attention_case("attention_rotary", {.heads = 2, .kv_heads = 1, .causal = true, .rotary_base = 10000}),
      attention_case("attention_alibi", {.heads = 3, .causal = true, .alibi = true}),
      attention_case("attention_window", {.heads = 2, .window = 2, .softcap = 0.8}),
      {"attention_cross", crossed},
  });
}

TEST(AttentionLayers, Positions) {
  EXPECT_THAT(evaluate_floats([] { return alibi(4, arange(3), arange(5)); }), near_figures("layers/alibi.4"));
  EXPECT_THAT(evaluate_floats([] { return alibi(6, arange(3), arange(5)); }), near_figures("layers/alibi.6"));
  EXPECT_THAT(evaluate_floats([] {
                return sinusoidal(constant(Array::from<int32_t>({0, 3, 17}, {3})), 8);
              }),
              near_figures("layers/sinusoidal"));
}

std::string traced_message(const std::function<Tensor()>& body) {
  return without_place(message_of([&] { evaluate(body); }));
}

TEST(AttentionLayers, RefuseWhatTheyDoNotTake) {
  const auto options_message = [](nn::MultiHeadAttentionOptions options) {
    nn::Module root;
    options.width = 12;
    return without_place(message_of([&] { nn::MultiHeadAttention(root, "a", options); }));
  };
  const std::string layer_head = "MultiHeadAttention: ";
  EXPECT_EQ(options_message({.window = 0}), layer_head + "window must be at least 1, got 0");
  EXPECT_EQ(options_message({.softcap = 0}), layer_head + "softcap must be finite and above 0, got 0");
  EXPECT_EQ(options_message({.heads = 4, .rotary_base = 10000}),
            layer_head + "heads must be such that a head is of an even width, got 4");
  EXPECT_EQ(options_message({.rotary_base = -1}),
            layer_head + "rotary_base must be finite and above 0, got -1");
  EXPECT_EQ(options_message({.context_width = -1}), layer_head + "context_width must be at least 0, got -1");
  const auto call_message = [](const nn::MultiHeadAttentionOptions& options,
                               const std::function<Tensor(nn::MultiHeadAttention&)>& body) {
    nn::Module root;
    nn::MultiHeadAttention layer(root, "a", options);
    return traced_message([&] { return body(layer); });
  };
  const auto x = [] { return zeros({2, 5, 12}); };
  EXPECT_EQ(call_message({.width = 12}, [&](auto& layer) { return layer.extend(x()); }),
            layer_head + "extend needs the option cache");
  EXPECT_EQ(
      call_message({.width = 12, .alibi = true}, [&](auto& layer) { return layer(x(), {.context = x()}); }),
      layer_head + "rotary and linear positions are of one text: with them no context is taken");
  EXPECT_EQ(call_message({.width = 12, .context_width = 7}, [&](auto& layer) { return layer(x()); }),
            layer_head + "needs a context, whose width is 7");
  EXPECT_EQ(traced_message([] {
              return rotary(zeros({4, 5}), arange(4));
            }),
            "rotary: takes x [...,t,w] of an even w, got f32[4,5]");
  EXPECT_EQ(traced_message([] {
              return rotary(zeros({5, 4}), arange(4));
            }),
            "rotary: takes a positions that broadcasts to i32[5], got i32[4]");
  EXPECT_EQ(traced_message([] {
              return rotary(zeros({4, 4}), zeros({4}));
            }),
            "rotary: takes integer positions, got f32[4]");
  EXPECT_EQ(traced_message([] { return alibi(0, arange(4), arange(4)); }),
            "alibi: heads must be at least 1, got 0");
  EXPECT_EQ(traced_message([] { return sinusoidal(arange(4), 5); }),
            "sinusoidal: width must be even and above 0, got 5");
}

}  // namespace
}  // namespace sinter
