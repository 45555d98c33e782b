#include "passes/split_batch/stages.h"

#include <algorithm>

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

Stages::Stages(const Pairing& pairing) : pairing_(&pairing), ops_(pairing.ops().size()) {
  for (size_t i = 0; i < ops_.size(); ++i) {
    const Op& op = *pairing.ops()[i];
    OfOp& of = ops_[i];
    for (Value operand : op.operands) of.stage = std::max(of.stage, stage(*operand.op));
    if (op.code == OpCode::grad) {
      ++of.stage;
    } else {
      of.is_of_rows = pairing.takes_rows(op) || pairing.makes_rows(op);
      of.follows_rows = !of.is_of_rows && std::ranges::any_of(op.operands, [&](Value operand) {
        return !is_known_before(op, operand);
      });
    }
    count_ = std::max(count_, of.stage + 1);
  }
  want();
}

bool Stages::is_known_before(const Op& op, Value operand) const {
  const OfOp& of = ops_[pairing_->ordinal(*operand.op)];
  if (pairing_->has_rows(operand)) return false;
  return of.stage < stage(op) || !(of.is_of_rows || of.follows_rows);
}

void Stages::want() {
  const auto want_result = [&](Value value) { ops_[pairing_->ordinal(*value.op)].is_wanted = true; };
  for (const graph::Output& output : pairing_->outputs()) {
    if (!pairing_->has_rows(output.value)) want_result(output.value);
  }
  for (size_t i = ops_.size(); i-- > 0;) {
    const Op& op = *pairing_->ops()[i];
    OfOp& of = ops_[i];
    const bool has_effect = op.code == OpCode::write || op.kind() == graph::OpKind::check;
    of.is_wanted = of.is_wanted || has_effect || op.code == OpCode::grad;
    for (Value operand : op.operands) {
      if (pairing_->has_rows(operand)) continue;
      // What rows of the same stage take of the others is of their micro-batch.
      if (of.is_of_rows ? is_known_before(op, operand) : of.is_wanted) want_result(operand);
    }
  }
}

}  // namespace sinter::passes
