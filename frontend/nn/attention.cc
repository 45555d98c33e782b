#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/attention.h>
#include <sinter/nn/positions.h>
#include <sinter/sources.h>
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
  ranges.at_least(0, "context_width", options.context_width);
  if (options.window) ranges.at_least(1, "window", *options.window);
  if (options.softcap) ranges.positive("softcap", *options.softcap);
  if (options.rotary_base) {
    ranges.positive("rotary_base", *options.rotary_base);
    ranges.require(options.width / heads % 2 == 0, "heads", "such that a head is of an even width", heads);
  }
  ranges.fraction("dropout", options.dropout);
}

int64_t kv_width(const MultiHeadAttentionOptions& options) {
  return options.width / options.heads * kv_heads(options);
}

LinearOptions projection_options(const MultiHeadAttentionOptions& options) {
  return {.bias = options.bias,
          .weight_initializer = options.weight_initializer,
          .bias_initializer = options.bias_initializer};
}

int64_t context_width(const MultiHeadAttentionOptions& options) {
  return options.context_width == 0 ? options.width : options.context_width;
}

// What is told besides x.
void check_inputs(const Pin& call, const Tensor& x, const AttentionInputs& inputs, DType type,
                  const MultiHeadAttentionOptions& options) {
  check_takes(call, "x", x, type, {"n", "t", options.width});
  if (inputs.context.defined()) {
    check_takes(call, "context", inputs.context, type, {x.dim(0), "s", context_width(options)});
    if (options.rotary_base || options.alibi) {
      call.fail("rotary and linear positions are of one text: with them no context is taken");
    }
  } else if (context_width(options) != options.width) {
    call.fail(fmt::format("needs a context, whose width is {}", context_width(options)));
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
      query(*this, {"query", name.where()}, options.width, options.width, projection_options(options)),
      key(*this, {"key", name.where()}, context_width(options), kv_width(options),
          projection_options(options)),
      value(*this, {"value", name.where()}, context_width(options), kv_width(options),
            projection_options(options)),
      output(*this, {"output", name.where()}, options.width, options.width, projection_options(options)),
      options_(options) {
  if (options.cache) {
    cache.emplace(*this, Name("cache", name.where()), kv_heads(options), options.width / options.heads,
                  *options.cache);
  }
}

Tensor MultiHeadAttention::split_heads(const Tensor& x, int64_t heads) const {
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads, options_.width / options_.heads}), {0, 2, 1, 3});
}

Tensor MultiHeadAttention::turned(const Tensor& heads, const Tensor& positions) const {
  return options_.rotary_base ? rotary(heads, positions, *options_.rotary_base) : heads;
}

Tensor MultiHeadAttention::joined(const Tensor& heads) const {
  return output(reshape(transpose(heads, {0, 2, 1, 3}), {heads.dim(0), heads.dim(2), options_.width}));
}

AttentionOptions MultiHeadAttention::to_options(const Tensor& queries, const Tensor& keys) const {
  AttentionOptions result;
  if (options_.alibi) result.bias = sinter::alibi(options_.heads, queries, keys);
  result.softcap = options_.softcap;
  result.dropout = options_.dropout;
  return result;
}

MultiHeadAttention::Heads MultiHeadAttention::heads_of(const Tensor& x, const AttentionInputs& inputs) const {
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const bool looks_at_positions = options_.rotary_base || options_.alibi;
  const Tensor positions = looks_at_positions ? arange(x.dim(1)) : Tensor();
  Heads result{turned(split_heads(query(x), options_.heads), positions),
               turned(split_heads(key(source), kv_heads(options_)), positions),
               to_options(positions, positions)};
  result.options.causal = options_.causal;
  result.options.window = options_.window;
  result.options.lengths = inputs.lengths;
  result.options.mask = inputs.mask;
  if (inputs.bias.defined()) {
    Tensor& bias = result.options.bias;
    bias = bias.defined() ? bias + inputs.bias : inputs.bias;
  }
  return result;
}

Tensor MultiHeadAttention::operator()(Operand operand, const AttentionInputs& inputs) const {
  const Call call("MultiHeadAttention", *this, operand.where());
  const Tensor x = operand.tensor();
  check_inputs(call, x, inputs, query.weight.dtype(), options_);
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const auto [q, k, options] = heads_of(x, inputs);
  return joined(attention(q, k, split_heads(value(source), kv_heads(options_)), options));
}

Tensor MultiHeadAttention::weights(Operand operand, const AttentionInputs& inputs) const {
  const Call call("MultiHeadAttention", *this, operand.where());
  const Tensor x = operand.tensor();
  check_inputs(call, x, inputs, query.weight.dtype(), options_);
  const auto [q, k, options] = heads_of(x, inputs);
  return attention_weights(q, k, options);
}

Tensor MultiHeadAttention::extend(Operand operand, const Tensor& mask) {
  const Call call("MultiHeadAttention", *this, operand.where());
  if (!cache) call.fail("extend needs the option cache");
  const Tensor x = operand.tensor();
  const Shape& kept = cache->keys.read(operand.where()).shape();  // [n,kv_heads,capacity,w]
  check_takes(call, "x", x, query.weight.dtype(), {kept[0], "t", options_.width});
  const int64_t t = x.dim(1);
  if (mask.defined()) check_broadcasts(call, "mask", mask, boolean, {kept[0], options_.heads, t, kept[2]});
  const Tensor positions = cache->positions(t);
  const Tensor query_heads = turned(split_heads(query(x), options_.heads), positions);
  cache->append(turned(split_heads(key(x), kv_heads(options_)), positions),
                split_heads(value(x), kv_heads(options_)));
  const Tensor at = expand_dims(positions, {1}), key_at = iota({t, kept[2]}, 1);
  Tensor seen = options_.causal ? key_at <= at : key_at < cache->length;
  if (options_.window) {
    seen = seen & (key_at > at - *options_.window);
    if (!options_.causal) seen = seen & (key_at < at + *options_.window);
  }
  AttentionOptions options = to_options(positions, arange(kept[2]));
  options.mask = mask.defined() ? seen & mask : seen;
  return joined(attention(query_heads, cache->keys, cache->values, options));
}

}  // namespace sinter::nn
