#include <memory>

#include "bench/workloads/gpt_block.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {
namespace {

constexpr int64_t kCharacters = 65;
constexpr int64_t kBatch = 12;
constexpr int64_t kContext = 64;
constexpr int64_t kLayers = 4;
constexpr int64_t kHeads = 4;
constexpr int64_t kWidth = 128;

// The embedding is also the output's weight.
struct Gpt : nn::Module {
  nn::Embedding characters{*this, "characters", kCharacters, kWidth};
  nn::Parameter positions{*this, "positions", {kContext, kWidth}, Initializer::normal(0, 1)};
  nn::ModuleList<GptBlock> blocks{*this, "blocks", kLayers, kWidth, kHeads, false};
  nn::LayerNorm norm{*this, "norm", kWidth, {.bias = false}};

  Tensor operator()(const Tensor& ids) {
    Tensor x = characters(ids) + positions;
    for (GptBlock& block : blocks) x = block(x);
    return matmul(norm(x), swap_axes(characters.weight, 0, 1));
  }
};

struct Training {
  Gpt model;
  AdamW optimizer{{.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1}};
};

}  // namespace

Workload nanogpt() {
  auto training = std::make_shared<Training>();
  return {
      .inputs = {{"ids", i32, {kBatch, kContext}}, {"labels", i32, {kBatch, kContext}}},
      .body = [training](const Inputs& in) -> Outputs {
        const Tensor loss = cross_entropy(training->model(in["ids"]), in["labels"]);
        return {{"loss", training->optimizer.minimize(loss, {.clip_norm = 1.0}).loss}};
      },
      .options = {.training = true},
      .flops = kLayers* gpt_block_flops(kBatch, kContext, kWidth, kHeads) +
               kTraining* linear_flops(kBatch * kContext, kWidth, kCharacters),
      .classes = kCharacters,
  };
}

}  // namespace sinter::bench
