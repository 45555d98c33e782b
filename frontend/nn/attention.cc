#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/functional.h>
#include <sinter/nn/attention.h>
#include <sinter/views.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

int64_t kv_heads(const MultiHeadAttentionOptions& options) {
  return options.kv_heads == 0 ? options.heads : options.kv_heads;
}

void check_options(const Ranges& ranges, const MultiHeadAttentionOptions& options) {
  const int64_t heads = options.heads, groups = options.kv_heads;
  ranges.at_least(1, "width", options.width);
  ranges.require(heads >= 1 && options.width % heads == 0, "heads",
                 fmt::format("a divisor of the width {}", options.width), heads);
  ranges.require(groups == 0 || (groups > 0 && heads % groups == 0), "kv_heads",
                 fmt::format("0 or a divisor of the {} heads", heads), groups);
  ranges.fraction("dropout", options.dropout);
}

int64_t kv_width(const MultiHeadAttentionOptions& options) {
  return options.width / options.heads * kv_heads(options);
}

AttentionOptions to_options(const MultiHeadAttentionOptions& options, const AttentionInputs& inputs) {
  AttentionOptions result;
  result.causal = options.causal;
  result.lengths = inputs.lengths;
  result.mask = inputs.mask;
  result.bias = inputs.bias;
  result.dropout = options.dropout;
  return result;
}

// What is told besides x.
void check_inputs(const Pin& call, const Tensor& x, const AttentionInputs& inputs, DType type,
                  const MultiHeadAttentionOptions& options) {
  check_takes(call, "x", x, type, {"n", "t", options.width});
  if (inputs.context.defined()) {
    check_takes(call, "context", inputs.context, type, {x.dim(0), "s", options.width});
  }
  if (inputs.lengths.defined()) check_takes(call, "lengths", inputs.lengths, i32, {x.dim(0)});
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const Shape scores{x.dim(0), options.heads, x.dim(1), source.dim(1)};
  if (inputs.mask.defined()) check_broadcasts(call, "mask", inputs.mask, boolean, scores);
  if (inputs.bias.defined()) check_broadcasts(call, "bias", inputs.bias, type, scores);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(Module& owner, Name name, MultiHeadAttentionOptions options)
    : Module(owner, checked("MultiHeadAttention", owner, name,
                            [&](const Ranges& ranges) { check_options(ranges, options); })),
      query(*this, {"query", name.where()}, options.width, options.width, {.bias = options.bias}),
      key(*this, {"key", name.where()}, options.width, kv_width(options), {.bias = options.bias}),
      value(*this, {"value", name.where()}, options.width, kv_width(options), {.bias = options.bias}),
      output(*this, {"output", name.where()}, options.width, options.width, {.bias = options.bias}),
      options_(options) {}

Tensor MultiHeadAttention::split_heads(const Tensor& x, int64_t heads) const {
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads, options_.width / options_.heads}), {0, 2, 1, 3});
}

Tensor MultiHeadAttention::operator()(Operand operand, const AttentionInputs& inputs) const {
  const Call call("MultiHeadAttention", *this, operand.where());
  const Tensor x = operand.tensor();
  check_inputs(call, x, inputs, query.weight.dtype(), options_);
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const int64_t groups = kv_heads(options_);
  const Tensor q = split_heads(query(x), options_.heads);
  const Tensor k = split_heads(key(source), groups);
  const Tensor v = split_heads(value(source), groups);
  const Tensor heads = attention(q, k, v, to_options(options_, inputs));
  return output(reshape(transpose(heads, {0, 2, 1, 3}), {x.dim(0), x.dim(1), options_.width}));
}

Tensor MultiHeadAttention::weights(Operand operand, const AttentionInputs& inputs) const {
  const Call call("MultiHeadAttention", *this, operand.where());
  const Tensor x = operand.tensor();
  check_inputs(call, x, inputs, query.weight.dtype(), options_);
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const Tensor q = split_heads(query(x), options_.heads);
  const Tensor k = split_heads(key(source), kv_heads(options_));
  return attention_weights(q, k, to_options(options_, inputs));
}

}  // namespace sinter::nn
