#include <memory>

#include "bench/workloads/gpt_block.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {
namespace {

// The embedding is also the output's weight.
struct Gpt : nn::Module {
  explicit Gpt(const NanogptSizes& sizes)
      : characters(*this, "characters", sizes.characters, sizes.width),
        positions(*this, "positions", {sizes.context, sizes.width}, Initializer::normal(0, 1)),
        blocks(*this, "blocks", sizes.layers, sizes.width, sizes.heads, false),
        norm(*this, "norm", sizes.width, {.bias = false}) {}

  Tensor operator()(const Tensor& ids) {
    Tensor x = characters(ids) + positions;
    for (GptBlock& block : blocks) x = block(x);
    return matmul(norm(x), swap_axes(characters.weight, 0, 1));
  }

  nn::Embedding characters;
  nn::Parameter positions;
  nn::ModuleList<GptBlock> blocks;
  nn::LayerNorm norm;
};

struct NanogptTraining {
  explicit NanogptTraining(const NanogptSizes& sizes) : model(sizes) {}

  Gpt model;
  AdamW optimizer{{.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1}};
};

}  // namespace

Workload nanogpt(const NanogptSizes& sizes) {
  const auto [layers, width, heads, context, batch, characters] = sizes;
  if (width % heads != 0)
    throw Error("nanogpt: a width of " + std::to_string(width) + " does not divide into " +
                std::to_string(heads) + " heads");
  auto training = std::make_shared<NanogptTraining>(sizes);
  return {
      .inputs = {{"ids", i32, {batch, context}}, {"labels", i32, {batch, context}}},
      .body = [training](const Inputs& in) -> Outputs {
        const Tensor loss = cross_entropy(training->model(in["ids"]), in["labels"]);
        return {{"loss", training->optimizer.minimize(loss, {.clip_norm = 1.0}).loss}};
      },
      .options = {.training = true},
      .flops = static_cast<double>(layers) * gpt_block_flops(batch, context, width, heads) +
               kTraining* linear_flops(static_cast<double>(batch * context), static_cast<double>(width),
                                       static_cast<double>(characters)),
      .classes = static_cast<int32_t>(characters),
  };
}

}  // namespace sinter::bench
