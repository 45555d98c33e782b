#include "ir/graph/builder.h"
#include "passes/raise/attention_body.h"
#include "passes/raise/raise.h"
#include "passes/rewrite.h"

// exp(y) / sum(exp(y)) along one axis, where y may be x - max(x).
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

bool is_one(Value value) {
  return value.op->code == OpCode::constant && value.op->attributes.has("value") &&
         graph::is_floating(value.dtype()) && value.op->attributes.number("value") == 1;
}

// The axis of the reduction of `whole` that `value`, of the same shape, repeats along that axis, or whose
// reciprocal it repeats.
std::optional<int64_t> spread_reduction(Value value, OpCode code, Value whole, bool inverted = false) {
  Value base = value;
  bool inverse = false;
  for (;;) {
    const Op& op = *base.op;
    if (op.code == OpCode::broadcast || op.code == OpCode::reshape || op.code == OpCode::stop_gradient) {
      base = op.operands[0];
    } else if (op.code == OpCode::div && !inverse && is_one(op.operands[0])) {
      base = op.operands[1];
      inverse = true;
    } else {
      break;
    }
  }
  if (inverse != inverted) return {};
  if (base.op->code != code || base.op->operands[0] != whole || value.shape() != whole.shape()) return {};
  const auto& axes = base.op->attributes.integers("axes");
  if (axes.size() != 1) return {};
  loop::RangeMap ranges;
  Index at;
  for (int64_t extent : whole.shape()) {
    const auto variable = loop::make_variable("x");
    ranges[variable] = {0, extent};
    at.push_back(extent == 1 ? loop::integer(0) : loop::variable(variable));
  }
  const auto place = trace(value, at, base, ranges);
  if (!place) return {};
  Index kept = at;
  kept.erase(kept.begin() + axes[0]);
  for (size_t i = 0; i < kept.size(); ++i) {
    const bool same = (*place)[i].get() == kept[i].get() ||
                      (base.shape()[i] == 1 || ((*place)[i]->kind == loop::ExprNode::Kind::variable &&
                                                kept[i]->kind == loop::ExprNode::Kind::variable &&
                                                (*place)[i]->variable == kept[i]->variable));
    if (!same) return {};
  }
  return axes[0];
}

std::optional<std::pair<Value, int64_t>> match_softmax(const Op& op) {
  if (op.code != OpCode::div && op.code != OpCode::mul) return std::nullopt;
  Value exponential;
  std::optional<int64_t> axis;
  for (size_t i = 0; i < (op.code == OpCode::mul ? 2u : 1u) && !axis; ++i) {
    exponential = op.operands[i];
    if (exponential.op->code != OpCode::exp) continue;
    axis = spread_reduction(op.operands[1 - i], OpCode::reduce_sum, exponential, op.code == OpCode::mul);
  }
  if (!axis) return std::nullopt;
  const Value y = exponential.op->operands[0];
  if (y.op->code == OpCode::sub) {
    const Value x = y.op->operands[0];
    if (spread_reduction(y.op->operands[1], OpCode::reduce_max, x) == axis) return std::pair(x, *axis);
  }
  return std::pair(y, *axis);
}

}  // namespace

void raise_softmax(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto match = match_softmax(op);
    if (!match) return std::nullopt;
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    return std::vector{builder.emit(OpCode::softmax, {match->first}, {{"axis", match->second}}).result()};
  });
}

}  // namespace sinter::passes
