#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <vector>

// Whole models, written as users write them, trained on a GPU and on the CPU.
namespace sinter::vulkan::test {
namespace {

constexpr int64_t kCharacters = 23, kBatch = 3, kContext = 17, kWidth = 24, kHeads = 3, kLayers = 2;
constexpr double kDropout = 0.2;

struct Block : nn::Module {
  Block(nn::Module& owner, std::string name) : Module(owner, std::move(name)) {}

  Tensor operator()(const Tensor& x) {
    nn::Scope scope(*this);
    const Tensor context = x + dropout(attention(attention_norm(x)), kDropout);
    return context + dropout(feed_forward(feed_forward_norm(context)), kDropout);
  }

  nn::LayerNorm attention_norm{*this, "attention_norm", kWidth, {.bias = false}};
  nn::MultiHeadAttention attention{
      *this,
      "attention",
      {.width = kWidth, .heads = kHeads, .bias = false, .causal = true, .dropout = kDropout}};
  nn::LayerNorm feed_forward_norm{*this, "feed_forward_norm", kWidth, {.bias = false}};
  nn::FeedForward feed_forward{
      *this, "feed_forward", {.width = kWidth, .hidden = 4 * kWidth, .activation = gelu, .bias = false}};
};

// The embedding is also the output's weight.
struct Gpt : nn::Module {
  Tensor operator()(const Tensor& ids) {
    Tensor x = dropout(characters(ids) + positions, kDropout);
    for (Block& block : blocks) x = block(x);
    return matmul(norm(x), swap_axes(characters.weight, 0, 1));
  }

  nn::Embedding characters{*this, "characters", kCharacters, kWidth};
  nn::Parameter positions{*this, "positions", {kContext, kWidth}, Initializer::normal(0, 1)};
  nn::ModuleList<Block> blocks{*this, "blocks", kLayers};
  nn::LayerNorm norm{*this, "norm", kWidth, {.bias = false}};
};

std::vector<float> train(const std::string& device, int steps) {
  Gpt model;
  AdamW optimizer({.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1});
  Program program;
  program.add("step", {{"ids", i32, {kBatch, kContext}}, {"labels", i32, {kBatch, kContext}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor loss = cross_entropy(model(in["ids"]), in["labels"]);
                return {{"loss", optimizer.minimize(loss, {.clip_norm = 1.0}).loss}};
              },
              {.training = true});
  program.compile({.device = device, .threads = 2, .seed = 11});
  Function step = program.function("step");
  std::vector<float> losses;
  uint32_t state = 1;
  for (int i = 0; i < steps; ++i) {
    for (const char* name : {"ids", "labels"}) {
      for (int32_t& id : step.input<int32_t>(name)) {
        state = state * 1664525u + 1013904223u;
        id = static_cast<int32_t>((state >> 8) % kCharacters);
      }
    }
    step.run();
    losses.push_back(step.value<float>("loss"));
  }
  return losses;
}

TEST(VulkanTraining, ACharacterModelWithDropoutFollowsTheCpu) {
  const auto cpu = train("cpu", 20), gpu = train("vulkan", 20);
  for (size_t i = 0; i < cpu.size(); ++i) {
    EXPECT_NEAR(gpu[i], cpu[i], 1e-4f * cpu[i]) << "step " << i;
  }
  EXPECT_NE(cpu[0], cpu[1]);
}

}  // namespace
}  // namespace sinter::vulkan::test
