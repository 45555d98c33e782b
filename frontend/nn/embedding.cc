#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/nn/embedding.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <limits>

#include "frontend/nn/options.h"
#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

// A row is the output of one of `count` inputs.
Initializer table(const std::optional<Initializer>& given, double deviation, int64_t count, int64_t width) {
  return given.value_or(Initializer::normal(0, deviation)).with_fans(count, width);
}

// Rows of a layer's table, by whose name a wrong id is told.
Tensor rows_of(const Parameter& table, const Operand& ids, std::string_view layer) {
  const Tensor checked = build("gather", {ids}, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::check_index, v, {{"bound", table.shape()[0]}, {"op", std::string(layer)}}).result();
  });
  return gather(table, checked, 0);
}

}  // namespace

Embedding::Embedding(Module& owner, Name name, int64_t count, int64_t width, EmbeddingOptions options)
    : Module(owner, checked("Embedding", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "count", count);
                              ranges.at_least(1, "width", width);
                              ranges.not_negative("deviation", options.deviation);
                            })),
      weight(*this, "weight", {count, width},
             table(options.weight_initializer, options.deviation, count, width)) {}

Tensor Embedding::operator()(Operand ids) const {
  const Call call("Embedding", *this, ids.where());
  check_integers(call, "ids", ids.tensor());
  return rows_of(weight, ids, "Embedding");
}

Tensor Embedding::logits(Operand x) const {
  const Call call("Embedding", *this, x.where());
  check_takes(call, "x", x.tensor(), weight.dtype(), {"...", weight.shape()[1]});
  return matmul(x, transpose(weight, {1, 0}));
}

EmbeddingBag::EmbeddingBag(Module& owner, Name name, int64_t count, int64_t width,
                           EmbeddingBagOptions options)
    : Module(owner, checked("EmbeddingBag", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "count", count);
                              ranges.at_least(1, "width", width);
                              ranges.not_negative("deviation", options.deviation);
                            })),
      weight(*this, "weight", {count, width},
             table(options.weight_initializer, options.deviation, count, width)),
      mode_(options.mode) {}

Tensor EmbeddingBag::operator()(Operand operand, const EmbeddingBagInputs& inputs) const {
  const Call call("EmbeddingBag", *this, operand.where());
  Tensor ids = operand.tensor();
  check_integers(call, "ids", ids);
  if (ids.rank() < 1) call.fail(fmt::format("takes ids [...,t], got {}", ids.type()));
  const Shape bags(ids.shape().begin(), ids.shape().end() - 1);
  Tensor valid;  // [b,t,1]
  Tensor count = full({}, std::max<int64_t>(ids.dim(-1), 1), f32);
  if (inputs.lengths.defined()) {
    if (inputs.lengths.dtype() != i32 || inputs.lengths.shape() != bags)
      call.fail(fmt::format("takes lengths {}, got {}", to_string(i32, bags), inputs.lengths.type()));
    const Tensor inside = arange(ids.dim(-1)) < expand_dims(inputs.lengths, -1);
    ids = where(inside, ids, zeros_like(ids));
    valid = expand_dims(inside, -1);
    count = expand_dims(cast(clamp(inputs.lengths, 1, std::max<int64_t>(ids.dim(-1), 1)), f32), -1);
  }
  Tensor rows = rows_of(weight, ids, "EmbeddingBag");
  if (inputs.weights.defined()) {
    if (mode_ != Bag::sum) call.fail("weights are for bags whose mode is sum");
    if (inputs.weights.dtype() != f32 || inputs.weights.shape() != ids.shape())
      call.fail(fmt::format("takes weights {}, got {}", to_string(f32, ids.shape()), inputs.weights.type()));
    rows = rows * expand_dims(inputs.weights, -1);
  }
  if (mode_ == Bag::max) {
    if (ids.dim(-1) == 0) return sum(rows, -2);
    if (!valid.defined()) return max(rows, -2);
    const Tensor largest = max(where(valid, rows, -std::numeric_limits<double>::infinity()), -2);
    return where(expand_dims(inputs.lengths, -1) > 0, largest, 0.0);
  }
  const Tensor total = sum(valid.defined() ? where(valid, rows, 0.0) : rows, -2);
  return mode_ == Bag::mean ? total / count : total;
}

}  // namespace sinter::nn
