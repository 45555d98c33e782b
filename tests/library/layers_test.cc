#include "tests/library/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"

namespace sinter {
namespace {

TEST(LayersOf, Linear) {
  const auto sequential = [](nn::Module& root, const std::string& name) {
    auto owner = std::make_shared<nn::Module>(root, name);
    auto net = std::make_shared<nn::Sequential>(*owner, "net");
    net->add<nn::Linear>(4, 6).add(relu).add<nn::Linear>(6, 2);
    return [owner, net](const Tensor& x) { return (*net)(x); };
  };
  expect_figures({
      {"linear", made_layer<nn::Linear>(4, 5)},
      {"sequential", sequential},
      {"feed_forward", made_layer<nn::FeedForward>(nn::FeedForwardOptions{.width = 4, .hidden = 6})},
  });
}

TEST(LayersOf, Norms) {
  const std::vector<std::string> statistics = {"running_mean", "running_variance"};
  expect_figures({
      {"layer_norm", made_layer<nn::LayerNorm>(6)},
      {"rms_norm", made_layer<nn::RMSNorm>(6)},
      {"batch_norm", made_layer<nn::BatchNorm>(2), true, statistics},
      {"batch_norm_running", made_layer<nn::BatchNorm>(2), false, statistics},
      {"group_norm", made_layer<nn::GroupNorm>(3, 6)},
      {"instance_norm", made_layer<nn::InstanceNorm>(3)},
      {"instance_norm_affine", made_layer<nn::InstanceNorm>(3, nn::InstanceNormOptions{.affine = true})},
  });
}

nn::TransformerBlockOptions block_options() {
  return {.attention = {.width = 8, .heads = 2, .causal = true}, .hidden = 12};
}

TEST(LayersOf, Transformers) {
  nn::TransformerBlockOptions after = block_options();
  after.activation = gelu;
  nn::TransformerBlockOptions first = after;
  first.norm_first = true;
  const auto crossed = [](nn::Module& root, const std::string& name) {
    nn::TransformerBlockOptions options = block_options();
    options.cross = true;
    auto block = std::make_shared<nn::TransformerBlock>(root, name, options);
    return [block](const Tensor& x) { return (*block)(x, {.context = given("layers/block_cross.context")}); };
  };
  expect_figures({
      {"block_post", made_layer<nn::TransformerBlock>(after)},
      {"block_pre", made_layer<nn::TransformerBlock>(first)},
      {"block_cross", crossed},
      {"swiglu", made_layer<nn::SwiGLU>(nn::SwiGLUOptions{.width = 4, .hidden = 6})},
  });
}

// A gated block of RMS norms without biases, as in LLaMA, in pieces.
TEST(LayersOf, TransformersInPieces) {
  for (const std::string& device : kDevices) {
    const Dim time{"time"};
    nn::Module root;
    nn::TransformerBlock block(root, "block",
                               {.attention = {.width = 8,
                                              .heads = 2,
                                              .bias = false,
                                              .causal = true,
                                              .rotary_base = 10000,
                                              .cache = nn::KeyValueCacheOptions{.capacity = 6}},
                                .gated = true,
                                .norm = nn::NormKind::rms,
                                .norm_first = true,
                                .bias = false});
    EXPECT_EQ(root.parameters().size(), 4u + 3u + 2u);
    Program program;
    program.add("whole", {{"x", f32, {1, time, 8}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", block(in["x"])}};
    });
    program.add("extend", {{"x", f32, {1, time, 8}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", block.extend(in["x"])}};
    });
    program.compile({.device = device, .seed = 2});
    Array x(f32, {1, 6, 8});
    for (int64_t i = 0; i < x.size(); ++i)
      x.values<float>()[static_cast<size_t>(i)] = static_cast<float>(i % 7) - 3;
    const std::vector<float> all = floats(x), whole = floats(program.run("whole", {{"x", x}}).at("y"));
    Session session = program.session();
    std::vector<float> got;
    for (const int64_t count : {3, 1, 2}) {
      Function extend = session.function("extend", {{time, count}});
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(got.size());
      extend.set_input("x", Array::from<float>(std::vector<float>(begin, begin + count * 8), {1, count, 8}));
      extend.run();
      for (const float y : floats(extend.output("y"))) got.push_back(y);
    }
    EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-5f), whole)) << device;
  }
}

LayerCase bag(const std::string& name, nn::Bag mode, bool lengths, bool weights = false) {
  return {name, [mode, lengths, weights](nn::Module& root, const std::string& layer_name) {
            auto layer = std::make_shared<nn::EmbeddingBag>(root, layer_name, 6, 5,
                                                            nn::EmbeddingBagOptions{.mode = mode});
            return [=](const Tensor& x) {
              nn::EmbeddingBagInputs inputs;
              if (lengths) inputs.lengths = given("layers/bag_lengths");
              if (weights) inputs.weights = given("layers/bag_weights");
              return x * (*layer)(given("layers/bag_ids"), inputs);
            };
          }};
}

TEST(LayersOf, Embeddings) {
  const auto tied = [](nn::Module& root, const std::string& name) {
    auto layer = std::make_shared<nn::Embedding>(root, name, 7, 4);
    return [layer](const Tensor& x) { return layer->logits(x); };
  };
  const auto embedding = [](nn::Module& root, const std::string& name) {
    auto layer = std::make_shared<nn::Embedding>(root, name, 6, 4);
    return [layer](const Tensor& x) {
      return x * (*layer)(constant(Array::from<int32_t>({3, 0, 3, 5, 1, 3}, {2, 3})));
    };
  };
  const auto positions = [](nn::Module& root, const std::string& name) {
    auto layer = std::make_shared<nn::Embedding>(root, name, 5, 4);
    return [layer](const Tensor& x) { return x + (*layer)(arange(5)); };
  };
  expect_figures({
      {"tied", tied},
      {"embedding", embedding},
      {"positions", positions},
      bag("bag_sum", nn::Bag::sum, true),
      bag("bag_mean", nn::Bag::mean, true),
      bag("bag_max", nn::Bag::max, true),
      bag("bag_whole_sum", nn::Bag::sum, false),
      bag("bag_whole_mean", nn::Bag::mean, false),
      bag("bag_whole_max", nn::Bag::max, false),
      bag("bag_weighted", nn::Bag::sum, false, true),
  });
}

TEST(LayersOf, Convolutions) {
  using nn::Conv2dOptions;
  expect_figures({
      {"conv1d", made_layer<nn::Conv1d>(nn::Conv1dOptions{
                     .channels = 4, .filters = 6, .stride = 2, .padding = 2, .dilation = 2, .groups = 2})},
      {"conv2d", made_layer<nn::Conv2d>(Conv2dOptions{
                     .channels = 3, .filters = 4, .size = {2, 3}, .stride = {1, 2}, .padding = {0, 1}})},
      {"conv2d_sides", made_layer<nn::Conv2d>(Conv2dOptions{
                           .channels = 2, .filters = 3, .padding = Padding::sides({1, 2}, {0, 0})})},
      {"conv2d_same",
       made_layer<nn::Conv2d>(Conv2dOptions{
           .channels = 2, .filters = 3, .size = {4, 3}, .padding = Padding::same(), .bias = false})},
      {"conv3d", made_layer<nn::Conv3d>(
                     nn::Conv3dOptions{.channels = 2, .filters = 3, .size = {2, 3, 2}, .padding = 1})},
      {"conv_transpose1d",
       made_layer<nn::ConvTranspose1d>(nn::ConvTranspose1dOptions{
           .channels = 4, .filters = 6, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2})},
      {"conv_transpose2d",
       made_layer<nn::ConvTranspose2d>(nn::ConvTranspose2dOptions{
           .channels = 3, .filters = 2, .size = {3, 2}, .stride = {2, 3}, .dilation = {2, 1}})},
      {"conv_transpose3d", made_layer<nn::ConvTranspose3d>(nn::ConvTranspose3dOptions{
                               .channels = 2, .filters = 3, .size = 2, .stride = 2})},
  });
}

TEST(LayersOf, Pools) {
  expect_figures({
      {"max_pool", made_layer<nn::MaxPool>(
                       nn::MaxPoolOptions{.size = {3, 2}, .stride = nn::Sizes{2, 1}, .padding = {1, 0}})},
      {"average_pool", made_layer<nn::AveragePool>(nn::AveragePoolLayerOptions{
                           .size = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_padding = false})},
      {"adaptive_max_pool", made_layer<nn::AdaptiveMaxPool>(nn::Sizes{2, 3})},
      {"adaptive_average_pool", made_layer<nn::AdaptiveAveragePool>(3)},
      {"global_max_pool", made_layer<nn::GlobalMaxPool>()},
      {"global_average_pool", made_layer<nn::GlobalAveragePool>()},
  });
}

TEST(LayersOf, Resizing) {
  const auto upsampled = [](const nn::UpsampleOptions& options) { return made_layer<nn::Upsample>(options); };
  const auto resized = [](Interpolation mode) {
    return [mode](nn::Module&, const std::string&) {
      return [mode](const Tensor& x) { return resize(x, {3, 8}, {.mode = mode}); };
    };
  };
  expect_figures({
      {"upsample_nearest", upsampled({})},
      {"upsample_linear", upsampled({.factor = {2, 3}, .mode = Interpolation::linear})},
      {"upsample_corners", upsampled({.factor = 3, .mode = Interpolation::linear, .align_corners = true})},
      {"resize_nearest", resized(Interpolation::nearest)},
      {"resize_linear", resized(Interpolation::linear)},
  });
}

// The means of the last states beside the outputs, as in make_layers.py.
template <typename L>
LayerCase recurrent(const std::string& name, const nn::RecurrentOptions& options, bool lengths) {
  return {name, [options, lengths](nn::Module& root, const std::string& layer_name) {
            auto layer = std::make_shared<L>(root, layer_name, 2, 4, options);
            return [=](const Tensor& x) {
              constexpr bool kIsLstm = std::same_as<L, nn::LSTM>;
              nn::RecurrentInputs inputs;
              if (lengths) {
                inputs.lengths = given("layers/recurrent_lengths");
                inputs.initial = given("layers/recurrent_initial");
                if (kIsLstm) inputs.initial_cell = given("layers/recurrent_initial_cell");
              }
              const nn::RecurrentResult result = layer->run(x, inputs);
              Tensor last = mean(result.last, 0);
              if (kIsLstm) last = last + mean(result.last_cell, 0);
              const Tensor beside = options.both_directions ? concat({last, last}, -1) : last;
              return result.outputs + expand_dims(beside, 1);
            };
          }};
}

TEST(LayersOf, WalksAlongTime) {
  const nn::RecurrentOptions both{.layers = 2, .both_directions = true};
  expect_figures({
      recurrent<nn::GRU>("gru", {.layers = 2}, false),
      recurrent<nn::GRU>("gru_both", both, true),
      recurrent<nn::LSTM>("lstm", {}, false),
      recurrent<nn::LSTM>("lstm_both", both, true),
  });
}

TEST(LayersOf, Sequences) {
  nn::Module root;
  nn::Sequential net(root, "net");
  net.add<nn::Linear>(2, 3)
      .add(relu)
      .add<nn::Linear>(3, 1, nn::LinearOptions{.bias = false})
      .add([](Tensor x) { return x * 2; });
  EXPECT_EQ(net.size(), 4);
  std::vector<std::string> paths;
  for (const nn::Parameter* parameter : root.parameters()) paths.push_back(parameter->path());
  EXPECT_THAT(paths, testing::ElementsAre("net.0.weight", "net.0.bias", "net.2.weight"));
  initialize(root, Initializer::ones());
  Program program;
  program.add("f", {{"x", f32, {2, 2}}}, [&](const Inputs& in) -> Outputs { return {{"y", net(in["x"])}}; });
  program.compile({.device = "reference"});
  const Array x = Array::from<float>({1, 2, -3, 1}, {2, 2});
  EXPECT_EQ(floats(program.run("f", {{"x", x}}).at("y")), (std::vector<float>{24, 0}));
}

}  // namespace
}  // namespace sinter
