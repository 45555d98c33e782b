#pragma once

#include <sinter/export.h>
#include <sinter/nn/attention.h>
#include <sinter/nn/feed_forward.h>
#include <sinter/nn/norms.h>

#include <memory>

namespace SINTER_EXPORT sinter {
namespace nn {

enum class NormKind { layer, rms };

struct TransformerBlockOptions {
  MultiHeadAttentionOptions attention;  // its width is the block's
  int64_t hidden = 0;                   // of the feed-forward part; 0: 4 times the width
  Activation activation = nullptr;      // relu when left out, silu where it is gated
  bool gated = false;                   // as in SwiGLU
  NormKind norm = NormKind::layer;
  double epsilon = 1e-5;    // of the norms
  bool norm_first = false;  // norms before each part, rather than after its sum
  bool cross = false;       // attends to a context after itself
  bool bias = true;         // of norms and the feed-forward part; attention has its own
  double dropout = 0;       // of what each part adds, and of the feed-forward part's activations
};
// A block of a transformer, x [n,t,width] gives [n,t,width]: x + attention(x), x + attention to a context
// where it is `cross`, x + feed_forward(x), with a norm after each sum (Vaswani et al. 2017) or before each
// part (Xiong et al. 2020: a stack of these ends with a norm of its own). PyTorch's TransformerEncoderLayer,
// and with `cross` its TransformerDecoderLayer, where attention is not or is causal.
class TransformerBlock : public Module {
 public:
  TransformerBlock(Module& owner, Name name, TransformerBlockOptions options);

  // A context goes to the attention across, all else to that of x to itself.
  Tensor operator()(Operand x, const AttentionInputs& inputs = {}) const;
  // What comes next of a session's text, as of MultiHeadAttention::extend.
  Tensor extend(Operand x, const Tensor& mask = {}, const Tensor& context = {});

  MultiHeadAttention attention;
  std::optional<MultiHeadAttention> cross;
  FeedForward feed_forward;

 private:
  // One of the two.
  struct Norm {
    std::optional<LayerNorm> layer;
    std::optional<RMSNorm> rms;
    Tensor operator()(const Tensor& x) const { return layer ? (*layer)(x) : (*rms)(x); }
  };
  template <typename Part>
  Tensor residual(const Tensor& x, const Norm& norm, Part&& part) const;
  template <typename Attend>
  Tensor apply(Tensor x, const Tensor& context, Attend&& attend) const;

  Norm attention_norm_, cross_norm_, feed_forward_norm_;
  bool norm_first_;
  double dropout_;
};

}  // namespace nn
}  // namespace sinter
