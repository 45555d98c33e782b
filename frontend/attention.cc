#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <cmath>
#include <limits>

#include "frontend/emit.h"
#include "frontend/takes.h"

namespace sinter {
namespace {

double scale_of(const AttentionOptions& options, const Tensor& q) {
  const int64_t width = q.rank() > 0 ? q.dim(-1) : 1;  // a q without axes is refused later, by name
  return options.scale.value_or(1 / std::sqrt(static_cast<double>(width)));
}

// Which keys each query sees, broadcasting to [b,h,tq,tk]; undefined where it sees all.
Tensor visible_keys(const AttentionOptions& options, int64_t queries, int64_t keys) {
  Tensor visible;
  const auto require = [&](const Tensor& condition) {
    visible = visible.defined() ? visible & condition : condition;
  };
  if (options.causal || options.window) {
    const Tensor key = iota({queries, keys}, 1);
    const Tensor query = iota({queries, keys}, 0) + (keys - queries);
    if (options.causal) require(key <= query);
    if (options.window) require(key > query - *options.window);
    if (options.window && !options.causal) require(key < query + *options.window);
  }
  if (options.lengths.defined()) {
    require(iota({1, 1, 1, keys}, 3) < reshape(options.lengths, {-1, 1, 1, 1}));
  }
  if (options.mask.defined()) require(options.mask);
  return visible;
}

void check_options(const AttentionOptions& options, const std::source_location& where) {
  const Ranges ranges = ranges_at("attention", where);
  if (options.scale) ranges.finite("scale", *options.scale);
  if (options.window) ranges.at_least(1, "window", *options.window);
  if (options.softcap) ranges.positive("softcap", *options.softcap);
  ranges.fraction("dropout", options.dropout);
}

void check_heads(const Pin& call, const Tensor& q, const Tensor& k) {
  const bool fits = q.rank() == 4 && k.rank() == 4 && q.dim(0) == k.dim(0) && k.dim(1) > 0 &&
                    q.dim(1) % k.dim(1) == 0 && q.dim(3) == k.dim(3) && q.dtype() == k.dtype();
  if (!fits) call.fail(fmt::format("q {} and k {} do not fit each other", q.type(), k.type()));
  check_floating(call, "q", q);
}

void check_masks(const Pin& call, const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  const Shape scores{q.dim(0), q.dim(1), q.dim(2), k.dim(2)};
  if (options.lengths.defined()) check_takes(call, "lengths", options.lengths, i32, {q.dim(0)});
  if (options.mask.defined()) check_broadcasts(call, "mask", options.mask, boolean, scores);
  if (options.bias.defined()) check_broadcasts(call, "bias", options.bias, q.dtype(), scores);
}

}  // namespace

Tensor attention_weights(Operand query, Operand key, const AttentionOptions& options) {
  const Tensor q = query.tensor(), k = key.tensor();
  check_options(options, query.where());
  const Pin pin("attention_weights", query.where());
  check_heads(pin, q, k);
  check_masks(pin, q, k, options);
  const int64_t groups = k.dim(1), shared = q.dim(1) / groups;
  const Tensor grouped = reshape(q, {q.dim(0), groups, shared, q.dim(2), q.dim(3)});
  Tensor scores =
      reshape(contract(grouped, k, "bgrqw,bgkw->bgrqk"), {q.dim(0), q.dim(1), q.dim(2), k.dim(2)});
  scores = scores * scale_of(options, q);
  if (options.softcap) scores = tanh(scores / *options.softcap) * *options.softcap;
  if (options.bias.defined()) scores = scores + options.bias;
  const Tensor visible = visible_keys(options, q.dim(2), k.dim(2));
  if (visible.defined()) scores = where(visible, scores, -std::numeric_limits<double>::infinity());
  return softmax(scores, -1);
}

Tensor attention(Operand query, Operand key, Operand value, const AttentionOptions& options) {
  Trace& trace = Trace::current("attention", query.where());
  check_options(options, query.where());
  const bool drops = options.dropout > 0 && trace.training();
  if (drops && trace.in_loop()) {
    // The op has one mask for all iterations; spelled out, each has its own.
    const Pin pin("attention", query.where());
    const Tensor k = key.tensor(), v = value.tensor();
    const bool fits = v.rank() == 4 && k.rank() == 4 && v.dim(0) == k.dim(0) && v.dim(1) == k.dim(1) &&
                      v.dim(2) == k.dim(2);
    if (!fits) pin.fail(fmt::format("k {} and v {} do not fit each other", k.type(), v.type()));
    const Tensor weights = dropout(attention_weights(query, key, options), options.dropout);
    const int64_t groups = v.dim(1), heads = weights.dim(1);
    const Tensor grouped =
        reshape(weights, {v.dim(0), groups, heads / groups, weights.dim(2), weights.dim(3)});
    return reshape(contract(grouped, v, "bgrqk,bgku->bgrqu"), {v.dim(0), heads, weights.dim(2), v.dim(3)});
  }
  std::vector<Operand> operands{query, key, value};
  const auto add = [&](const Tensor& tensor) {
    if (tensor.defined()) operands.emplace_back(tensor, query.where());
    return tensor.defined();
  };
  graph::Attributes attributes{{"scale", scale_of(options, query.tensor())}, {"causal", options.causal}};
  attributes.set("lengths", add(options.lengths));
  attributes.set("bias", add(options.bias));
  attributes.set("mask", add(options.mask));
  if (options.window) attributes.set("window", *options.window);
  if (options.softcap) attributes.set("softcap", *options.softcap);
  if (drops) {
    attributes.set("rate", options.dropout);
    attributes.set("key", trace.random_key());
  }
  return build("attention", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::attention, v, attributes).result();
  });
}

}  // namespace sinter
