#include "passes/base/barriers.h"

#include <utility>

#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

Value strip_views(Value value) {
  while (value.op->kind() == OpKind::view && value.op->operands.size() == 1) value = value.op->operands[0];
  return value;
}

bool is_made_of_nothing(Value value) {
  return value.op->kind() == OpKind::source && value.op->code != OpCode::parameter;
}

// The views that lead from `base` to `value`, of what `map` has for `base`.
Value viewed(Value value, Function& function, graph::ValueMap<Value>& map) {
  std::vector<const Op*> views;
  for (Value next = value; !map.contains(next); next = next.op->operands[0]) views.push_back(next.op);
  for (auto view = views.rbegin(); view != views.rend(); ++view) graph::clone_op(**view, function, map);
  return map.at(value);
}

std::vector<Value> settled(const Op& op, Function& function) {
  auto barrier = std::make_unique<Op>();
  barrier->code = OpCode::barrier;
  barrier->location = op.location;
  graph::ValueMap<Value> behind;
  for (Value operand : op.operands) {
    const Value base = strip_views(operand);
    if (is_made_of_nothing(base) || behind.contains(base)) continue;
    behind[base] = {barrier.get(), static_cast<int>(barrier->operands.size())};
    barrier->operands.push_back(base);
    barrier->results.push_back(base.type());
  }
  if (!barrier->operands.empty()) function.append(std::move(barrier));
  std::vector<Value> results;
  for (Value operand : op.operands)
    results.push_back(is_made_of_nothing(strip_views(operand)) ? operand : viewed(operand, function, behind));
  return results;
}

}  // namespace

Value before_barriers(Value value) {
  while (value.op->code == OpCode::barrier) value = value.op->operands[static_cast<size_t>(value.index)];
  return value;
}

void settle_barriers(Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code == OpCode::write) op.operands[0] = before_barriers(op.operands[0]);
    if (op.code != OpCode::barrier) return std::nullopt;
    return settled(op, function);
  });
  for (graph::Output& output : function.outputs) output.value = before_barriers(output.value);
}

void remove_barriers(Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::barrier) return std::nullopt;
    return op.operands;
  });
}

}  // namespace sinter::passes
