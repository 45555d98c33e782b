#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <cmath>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

double scale_of(const AttentionOptions& options, const Tensor& q) {
  const int64_t width = q.rank() > 0 ? q.dim(-1) : 1;  // a q without axes is refused later, by name
  return options.scale.value_or(1 / std::sqrt(static_cast<double>(width)));
}

void check_options(const AttentionOptions& options, const std::source_location& where) {
  const Ranges ranges = ranges_at("attention", where);
  if (options.scale) ranges.finite("scale", *options.scale);
  if (options.window) ranges.at_least(1, "window", *options.window);
  if (options.softcap) ranges.positive("softcap", *options.softcap);
  ranges.fraction("dropout", options.dropout);
}

// What both ops take besides their first operands: appends it to those, and says so in the attributes.
graph::Attributes taken(const AttentionOptions& options, const Operand& query,
                        std::vector<Operand>& operands) {
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
  return attributes;
}

}  // namespace

Tensor attention_weights(Operand query, Operand key, const AttentionOptions& options) {
  Trace::current("attention_weights", query.where());
  check_options(options, query.where());
  std::vector<Operand> operands{query, key};
  const graph::Attributes attributes = taken(options, query, operands);
  return build("attention_weights", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::attention_weights, v, attributes).result();
  });
}

Tensor attention(Operand query, Operand key, Operand value, const AttentionOptions& options) {
  Trace& trace = Trace::current("attention", query.where());
  check_options(options, query.where());
  std::vector<Operand> operands{query, key, value};
  graph::Attributes attributes = taken(options, query, operands);
  graph::Value salt;
  if (options.dropout > 0 && trace.training()) {
    salt = trace.salt();
    attributes.set("rate", options.dropout);
    attributes.set("key", trace.random_key());
    if (salt) attributes.set("salt", true);
  }
  return build("attention", operands, [&](Builder& b, Values v) {
    if (salt) v.push_back(salt);
    return b.emit(OpCode::attention, v, attributes).result();
  });
}

}  // namespace sinter
