#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include "tests/frontend/evaluate.h"

namespace sinter {
namespace {

struct EncoderLayer : nn::Module {
  nn::MultiHeadAttention attention{*this, "attention", {.width = 8, .heads = 2}};
  nn::LayerNorm attention_norm{*this, "attention_norm", 8};
  nn::FeedForward feed_forward{*this, "feed_forward", {.width = 8, .hidden = 16}};
  nn::LayerNorm feed_forward_norm{*this, "feed_forward_norm", 8};

  EncoderLayer(nn::Module& owner, std::string name) : Module(owner, std::move(name)) {}

  Tensor operator()(Tensor x) const {
    x = attention_norm(x + attention(x));
    return feed_forward_norm(x + feed_forward(x));
  }
};

struct Encoder : nn::Module {
  nn::ModuleList<EncoderLayer> blocks{*this, "blocks", 1};
};

// A TransformerEncoderLayer, whose three projections are one, by its own names: pytorch.safetensors, which
// make_pytorch.py makes.
TEST(PyTorch, ItsLayersAreLoadedByAMapOfNames) {
  const std::string path = SINTER_SOURCE_DIR "/tests/training/pytorch.safetensors";
  const Arrays given = load_safetensors(path).arrays;
  for (const std::string device : {"reference", "cpu", "vulkan"}) {
    Encoder encoder;
    Program program;
    program.add("f", {{"x", f32, {2, 5, 8}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", encoder.blocks[0](in["x"])}};
    });
    program.compile({.device = device});
    // guide: names
    const std::string to = "blocks.*.attention.", from = "layers.*.self_attn.";
    const std::vector<LoadName> attention = {
        {from + "in_proj_weight", {to + "query.weight", to + "key.weight", to + "value.weight"}, {1, 0}},
        {from + "in_proj_bias", {to + "query.bias", to + "key.bias", to + "value.bias"}},
        {from + "out_proj.weight", to + "output.weight", {1, 0}},
        {from + "out_proj.bias", to + "output.bias"}};
    // guide: end
    std::vector<LoadName> names = {
        {"layers.*.linear1.weight", "blocks.*.feed_forward.expand.weight", {1, 0}},
        {"layers.*.linear1.bias", "blocks.*.feed_forward.expand.bias"},
        {"layers.*.linear2.weight", "blocks.*.feed_forward.contract.weight", {1, 0}},
        {"layers.*.linear2.bias", "blocks.*.feed_forward.contract.bias"},
        {"layers.*.norm1.weight", "blocks.*.attention_norm.scale"},
        {"layers.*.norm1.bias", "blocks.*.attention_norm.bias"},
        {"layers.*.norm2.weight", "blocks.*.feed_forward_norm.scale"},
        {"layers.*.norm2.bias", "blocks.*.feed_forward_norm.bias"}};
    names.insert(names.end(), attention.begin(), attention.end());
    const LoadReport report = program.load(path, {.ignore_unknown = true, .names = names});
    EXPECT_EQ(report.loaded.size(), 16u);
    EXPECT_THAT(report.unknown, testing::ElementsAre("x", "y"));
    EXPECT_THAT(floats(program.run("f", {{"x", given.at("x")}}).at("y")),
                testing::Pointwise(testing::FloatNear(4e-6f), floats(given.at("y"))))
        << device;
  }
}

}  // namespace
}  // namespace sinter
