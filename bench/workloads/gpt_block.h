#pragma once

#include <sinter/sinter.h>

#include <string>

#include "bench/workloads/flops.h"

namespace sinter::bench {

// A pre-norm transformer block: x + attention(norm(x)), then x + feed_forward(norm(x)), four times as wide.
struct GptBlock : nn::Module {
  GptBlock(nn::Module& owner, std::string name, int64_t width, int64_t heads, bool bias)
      : Module(owner, std::move(name)),
        attention_norm(*this, "attention_norm", width, {.bias = bias}),
        attention(*this, "attention", {.width = width, .heads = heads, .bias = bias, .causal = true}),
        feed_forward_norm(*this, "feed_forward_norm", width, {.bias = bias}),
        feed_forward(*this, "feed_forward",
                     {.width = width, .hidden = 4 * width, .activation = gelu, .bias = bias}) {}

  Tensor operator()(const Tensor& x) {
    nn::Scope scope(*this);
    const Tensor context = x + attention(attention_norm(x));
    return context + feed_forward(feed_forward_norm(context));
  }

  nn::LayerNorm attention_norm;
  nn::MultiHeadAttention attention;
  nn::LayerNorm feed_forward_norm;
  nn::FeedForward feed_forward;
};

// Forward of one block.
inline double gpt_block_forward_flops(int64_t batch, int64_t length, int64_t width, int64_t heads) {
  return linear_flops(batch * length, width, 12 * width) +
         attention_flops(batch, heads, length, width / heads, true);
}

// Forward and backward of one block.
inline double gpt_block_flops(int64_t batch, int64_t length, int64_t width, int64_t heads) {
  return kTraining * linear_flops(batch * length, width, 12 * width) +
         kTrainingAttention * attention_flops(batch, heads, length, width / heads, true);
}

}  // namespace sinter::bench
