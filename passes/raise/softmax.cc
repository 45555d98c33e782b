#include <limits>

#include "ir/graph/builder.h"
#include "passes/attention/body.h"
#include "passes/base/rewrite.h"
#include "passes/raise/raise.h"

// exp(y) / sum(exp(y)) along one axis, where y may be x - max(x) and exp(y) be masked.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// The axis of the reduction of `whole` that `value`, of the same shape, repeats along that axis, or whose
// reciprocal it repeats.
std::optional<int64_t> spread_reduction(Value value, OpCode code, Value whole, bool inverted = false) {
  Value base = value;
  bool inverse = false;
  for (;;) {
    const Op& op = *base.op;
    if (op.code == OpCode::broadcast || op.code == OpCode::reshape || op.code == OpCode::stop_gradient) {
      base = op.operands[0];
    } else if (op.code == OpCode::div && !inverse && splat_number(op.operands[0]) == 1) {
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
  const Index at = loop::fresh_index(whole.shape(), ranges).at;
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

struct SoftmaxMatch {
  Value x;
  int64_t axis;
  Value mask;  // where not null: bools, false where x counts for nothing
};

std::optional<SoftmaxMatch> match_softmax(const Op& op) {
  if (op.code == OpCode::exp && op.operands[0].op->code == OpCode::log_softmax) {
    const Op& logarithms = *op.operands[0].op;
    return SoftmaxMatch{logarithms.operands[0], logarithms.attributes.integer("axis"), {}};
  }
  if (op.code != OpCode::div && op.code != OpCode::mul) return std::nullopt;
  for (size_t i = 0; i < (op.code == OpCode::mul ? 2u : 1u); ++i) {
    SoftmaxMatch match;
    const Op* exp = exponential_of(op.operands[i], match.mask);
    if (exp == nullptr) continue;
    const auto axis =
        spread_reduction(op.operands[1 - i], OpCode::reduce_sum, op.operands[i], op.code == OpCode::mul);
    if (!axis) continue;
    match.axis = *axis;
    match.x = exp->operands[0];
    if (match.x.op->code == OpCode::sub) {
      const Value x = match.x.op->operands[0];
      if (spread_reduction(match.x.op->operands[1], OpCode::reduce_max, x) == axis) match.x = x;
    }
    return match;
  }
  return std::nullopt;
}

}  // namespace

void raise_softmax(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto match = match_softmax(op);
    if (!match) return std::nullopt;
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    Value x = match->x;
    if (match->mask)
      x = builder.select(match->mask, x, builder.constant_like(-std::numeric_limits<double>::infinity(), x));
    return std::vector{builder.emit(OpCode::softmax, {x}, {{"axis", match->axis}}).result()};
  });
}

}  // namespace sinter::passes
