#include "passes/order/in_place.h"

#include <algorithm>

#include "ir/graph/anchor.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

// From the derived ones of its operands.
bool keeps_position(const Op& op, const graph::ValueMap<bool>& derived) {
  if (op.code == OpCode::dynamic_update) {
    return std::none_of(op.operands.begin() + 1, op.operands.end(),
                        [&](Value operand) { return derived.contains(operand); });
  }
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::check || op.code == OpCode::reshape;
}

// Kernels side by side run at the same time: only the one that makes the result may read the operand.
bool may_overwrite_together(const graph::Function& body, size_t operand, size_t result) {
  const Value parameter = body.parameters()[operand]->result();
  const Value made = body.outputs[result].value;
  for (const auto& part : body.ops()) {
    for (size_t i = 0; i < part->operands.size(); ++i) {
      if (part->operands[i] != parameter) continue;
      if (part.get() != made.op || !may_overwrite(*part, i, static_cast<size_t>(made.index))) return false;
    }
  }
  return true;
}

// Of a reduction's domain; 0 where there is none.
int64_t elements_reduced(const graph::Function& body) {
  for (const auto& op : body.ops()) {
    if (op->kind() == OpKind::reduction) return op->operands[0].type().elements();
  }
  return 0;
}

// The kernel that makes a result, itself or one of several side by side in it.
Op* maker_of(Op& kernel, size_t result) {
  if (!is_kernel(kernel, graph::Anchor::together)) return &kernel;
  Op* part = kernel.body->outputs[result].value.op;
  return part->results.size() == 1 ? part : nullptr;
}

}  // namespace

Op* update_in_place(Op& kernel, size_t result) {
  Op* part = maker_of(kernel, result);
  if (part == nullptr || !is_kernel(*part, graph::Anchor::map) || part->body->outputs.size() != 1)
    return nullptr;
  const Op& update = *part->body->outputs[0].value.op;
  if (update.code != OpCode::dynamic_update || update.operands[0].op->code != OpCode::parameter)
    return nullptr;
  for (const auto& op : part->body->ops()) {
    if (op->kind() == OpKind::check) return nullptr;
    if (op.get() != &update && std::ranges::count(op->operands, update.operands[0]) > 0) return nullptr;
  }
  return part;
}

bool may_overwrite(const Op& kernel, size_t operand, size_t result) {
  const graph::Function& body = *kernel.body;
  if (is_kernel(kernel, graph::Anchor::together)) return may_overwrite_together(body, operand, result);
  const Op* parameter = body.parameters()[operand];
  if (kernel.results[result].bytes() != kernel.operands[operand].type().bytes()) return false;
  if (kernel.results[result].dtype != kernel.operands[operand].dtype()) return false;
  const graph::Anchor anchor = anchor_of(kernel);
  if (!graph::info(anchor).overwrites) return false;
  // From the operand to outputs, all steps keep positions; nothing else reads it. A row has been reduced
  // before any of its elements are written.
  const bool rows =
      anchor == graph::Anchor::reduce && kernel.results[result].elements() == elements_reduced(body);
  graph::ValueMap<bool> derived;
  derived[Value{const_cast<Op*>(parameter), 0}] = true;
  for (const auto& op : body.ops()) {
    bool reads = false;
    for (Value value : op->operands) reads |= derived.contains(value);
    if (!reads || (rows && op->kind() == OpKind::reduction)) continue;
    if (!keeps_position(*op, derived)) return false;
    derived[op->result()] = true;
  }
  if (rows) return true;
  for (const graph::Output& output : body.outputs) {
    if (output.value.type().elements() != body.outputs[result].value.type().elements()) return false;
  }
  return true;
}

}  // namespace sinter::passes
