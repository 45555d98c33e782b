#include "passes/split_batch/stages.h"

#include <algorithm>

#include "ir/graph/callees.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

Stages::Stages(const Pairing& pairing) : pairing_(&pairing), ops_(pairing.ops().size()) {
  find_inputs();
  for (const Op* op : pairing.ops()) {
    if (of(*op).is_of_inputs) place(*op, 0);
  }
  const bool is_known_first = std::ranges::any_of(pairing.ops(), [&](const Op* op) {
    return pairing.takes_rows(*op) &&
           std::ranges::any_of(op->operands, [&](Value operand) { return is_of_all_inputs(operand); });
  });
  const int first = is_known_first ? count_ : 0;
  for (const Op* op : pairing.ops()) {
    if (!of(*op).is_of_inputs) place(*op, first);
  }
  want();
}

void Stages::find_inputs() {
  for (const Op* op : pairing_->ops()) {
    of(*op).is_of_inputs =
        op->code != OpCode::read && op->code != OpCode::grad && graph::callees(*op).empty() &&
        std::ranges::all_of(op->operands, [&](Value operand) { return of(*operand.op).is_of_inputs; });
  }
}

// Whether it is made of all rows of the function's inputs.
bool Stages::is_of_all_inputs(Value value) const {
  const OfOp& it = ops_[pairing_->ordinal(*value.op)];
  return it.is_of_inputs && (it.is_of_rows || it.follows_rows) && !pairing_->has_rows(value);
}

void Stages::place(const Op& op, int first) {
  OfOp& it = of(op);
  it.is_of_rows = op.code != OpCode::grad && (pairing_->takes_rows(op) || pairing_->makes_rows(op));
  it.stage = first;
  for (Value operand : op.operands) {
    const bool is_after = it.is_of_inputs && it.is_of_rows && is_of_all_inputs(operand);
    it.stage = std::max(it.stage, stage(*operand.op) + (is_after ? 1 : 0));
  }
  if (op.code == OpCode::grad) {
    ++it.stage;
  } else {
    it.follows_rows = !it.is_of_rows && std::ranges::any_of(op.operands, [&](Value operand) {
      return !is_known_before(op, operand);
    });
  }
  count_ = std::max(count_, it.stage + 1);
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
