#include <memory>

#include "bench/workloads/gpt_block.h"
#include "bench/workloads/gradients.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload block(bool forward) {
  constexpr int64_t kBatch = 8;
  constexpr int64_t kTokens = 256;
  constexpr int64_t kWidth = 512;
  constexpr int64_t kHeads = 8;
  struct Model : nn::Module {
    GptBlock block{*this, "block", kWidth, kHeads, true};
  };
  auto model = std::make_shared<Model>();
  if (forward) {
    return {
        .inputs = {{"x", f32, {kBatch, kTokens, kWidth}}},
        .body = [model](const Inputs& in) -> Outputs {
          return {{"y", model->block(in["x"])}};
        },
        .flops = gpt_block_forward_flops(kBatch, kTokens, kWidth, kHeads),
    };
  }
  return {
      .inputs = {{"x", f32, {kBatch, kTokens, kWidth}}, {"dy", f32, {kBatch, kTokens, kWidth}}},
      .body = [model](const Inputs& in) -> Outputs {
        std::vector<std::pair<std::string, Tensor>> wrt{{"x", in["x"]}};
        for (const nn::Parameter* parameter : model->parameters())
          wrt.emplace_back(parameter->path(), *parameter);
        return with_gradients(model->block(in["x"]), in["dy"], wrt);
      },
      .flops = gpt_block_flops(kBatch, kTokens, kWidth, kHeads),
  };
}

}  // namespace sinter::bench
