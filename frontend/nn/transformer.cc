#include <sinter/functional.h>
#include <sinter/nn/transformer.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

// Of a context, none of whose positions comes before another.
MultiHeadAttentionOptions across(MultiHeadAttentionOptions options) {
  options.causal = options.alibi = false;
  options.window = {};
  options.rotary_base = {};
  options.cache = {};
  return options;
}

// What the block gives to itself sees x alone.
MultiHeadAttentionOptions to_itself(MultiHeadAttentionOptions options) {
  options.context_width = 0;
  return options;
}

FeedForwardOptions feed_forward_options(const TransformerBlockOptions& options) {
  const auto& attention = options.attention;
  return {.width = attention.width,
          .hidden = options.hidden > 0 ? options.hidden : 4 * attention.width,
          .activation = options.activation,
          .gated = options.gated,
          .bias = options.bias,
          .dropout = options.dropout,
          .weight_initializer = attention.weight_initializer,
          .bias_initializer = attention.bias_initializer};
}

}  // namespace

TransformerBlock::TransformerBlock(Module& owner, Name name, TransformerBlockOptions options)
    : Module(owner, checked("TransformerBlock", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(0, "hidden", options.hidden);
                              ranges.not_negative("epsilon", options.epsilon);
                              ranges.fraction("dropout", options.dropout);
                            })),
      attention(*this, {"attention", name.where()}, to_itself(options.attention)),
      feed_forward(*this, {"feed_forward", name.where()}, feed_forward_options(options)),
      norm_first_(options.norm_first),
      dropout_(options.dropout) {
  const NormOptions norm{.epsilon = options.epsilon, .bias = options.bias};
  const auto add_norm = [&](Norm& to, const char* called) {
    const Name named(called, name.where());
    if (options.norm == NormKind::layer) to.layer.emplace(*this, named, options.attention.width, norm);
    if (options.norm == NormKind::rms) to.rms.emplace(*this, named, options.attention.width, norm);
  };
  add_norm(attention_norm_, "attention_norm");
  add_norm(feed_forward_norm_, "feed_forward_norm");
  if (!options.cross) return;
  cross.emplace(*this, Name("cross", name.where()), across(options.attention));
  add_norm(cross_norm_, "cross_norm");
}

template <typename Part>
Tensor TransformerBlock::residual(const Tensor& x, const Norm& norm, Part&& part) const {
  if (norm_first_) return x + dropout(part(norm(x)), dropout_);
  return norm(x + dropout(part(x), dropout_));
}

template <typename Attend>
Tensor TransformerBlock::apply(Tensor x, const Tensor& context, Attend&& attend) const {
  x = residual(x, attention_norm_, std::forward<Attend>(attend));
  if (cross) {
    x = residual(x, cross_norm_, [&](const Tensor& y) { return (*cross)(y, {.context = context}); });
  }
  return residual(x, feed_forward_norm_, [&](const Tensor& y) { return feed_forward(y); });
}

namespace {

void check_context(const Pin& call, bool needed, const Tensor& context) {
  if (needed && !context.defined()) call.fail("needs a context, as it is cross");
  if (!needed && context.defined()) call.fail("takes no context without the option cross");
}

}  // namespace

Tensor TransformerBlock::operator()(Operand x, const AttentionInputs& inputs) const {
  const Call call("TransformerBlock", *this, x.where());
  check_takes(call, "x", x.tensor(), f32, {"n", "t", attention.query.weight.shape()[0]});
  check_context(call, cross.has_value(), inputs.context);
  AttentionInputs own = inputs;
  own.context = {};
  return apply(x.tensor(), inputs.context, [&](const Tensor& y) { return attention(y, own); });
}

Tensor TransformerBlock::extend(Operand x, const Tensor& mask, const Tensor& context) {
  const Call call("TransformerBlock", *this, x.where());
  check_takes(call, "x", x.tensor(), f32, {"n", "t", attention.query.weight.shape()[0]});
  check_context(call, cross.has_value(), context);
  return apply(x.tensor(), context, [&](const Tensor& y) { return attention.extend(y, mask); });
}

}  // namespace sinter::nn
