#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/functional.h>
#include <sinter/nn/attention.h>
#include <sinter/views.h>

#include "frontend/trace.h"

namespace sinter::nn {
namespace {

int64_t kv_heads(const MultiHeadAttentionOptions& options) {
  return options.kv_heads == 0 ? options.heads : options.kv_heads;
}

MultiHeadAttentionOptions checked(const MultiHeadAttentionOptions& options) {
  const int64_t heads = options.heads, groups = kv_heads(options);
  if (heads < 1 || options.width % heads != 0 || groups < 1 || heads % groups != 0) {
    throw Error(fmt::format("MultiHeadAttention: {} heads with {} keys do not divide a width of {}", heads,
                            groups, options.width));
  }
  return options;
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

}  // namespace

MultiHeadAttention::MultiHeadAttention(Module& owner, std::string name, MultiHeadAttentionOptions options)
    : Module(owner, std::move(name)),
      query(*this, "query", options.width, options.width, {.bias = options.bias}),
      key(*this, "key", options.width, kv_width(checked(options)), {.bias = options.bias}),
      value(*this, "value", options.width, kv_width(options), {.bias = options.bias}),
      output(*this, "output", options.width, options.width, {.bias = options.bias}),
      options_(options) {}

Tensor MultiHeadAttention::split_heads(const Tensor& x, int64_t heads) const {
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads, options_.width / options_.heads}), {0, 2, 1, 3});
}

void MultiHeadAttention::check_input(const char* what, const Tensor& x, const Operand& operand) const {
  if (x.rank() == 3 && x.dim(2) == options_.width) return;
  Trace::current("attention", operand.where())
      .fail("attention", fmt::format("takes {} [n,t,{}], got {}", what, options_.width, x.type()),
            operand.where());
}

Tensor MultiHeadAttention::operator()(Operand operand, const AttentionInputs& inputs) const {
  const Call call(path(), operand.where());
  const Tensor x = operand.tensor();
  check_input("x", x, operand);
  if (inputs.context.defined()) check_input("context", inputs.context, operand);
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const int64_t groups = kv_heads(options_);
  const Tensor q = split_heads(query(x), options_.heads);
  const Tensor k = split_heads(key(source), groups);
  const Tensor v = split_heads(value(source), groups);
  const Tensor heads = attention(q, k, v, to_options(options_, inputs));
  return output(reshape(transpose(heads, {0, 2, 1, 3}), {x.dim(0), x.dim(1), options_.width}));
}

Tensor MultiHeadAttention::weights(Operand operand, const AttentionInputs& inputs) const {
  const Call call(path(), operand.where());
  const Tensor x = operand.tensor();
  check_input("x", x, operand);
  if (inputs.context.defined()) check_input("context", inputs.context, operand);
  const Tensor& source = inputs.context.defined() ? inputs.context : x;
  const Tensor q = split_heads(query(x), options_.heads);
  const Tensor k = split_heads(key(source), kv_heads(options_));
  return attention_weights(q, k, to_options(options_, inputs));
}

}  // namespace sinter::nn
