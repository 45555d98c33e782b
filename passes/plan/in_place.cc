#include "passes/plan/in_place.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

bool keeps_position(const Op& op) {
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::check || op.code == OpCode::reshape;
}

}  // namespace

bool may_overwrite(const Op& kernel, size_t operand, size_t result) {
  const graph::Function& body = *kernel.body;
  const Op* parameter = body.parameters()[operand];
  if (kernel.results[result].bytes() != kernel.operands[operand].type().bytes()) return false;
  if (kernel.results[result].dtype != kernel.operands[operand].dtype()) return false;
  const std::string& anchor = kernel.attributes.text("anchor");
  if (anchor != "map" && anchor != "contract" && anchor != "scatter") return false;
  // From the operand to outputs, all steps keep positions; nothing else reads it.
  graph::ValueMap<bool> derived;
  derived[Value{const_cast<Op*>(parameter), 0}] = true;
  for (const auto& op : body.ops()) {
    bool reads = false;
    for (Value value : op->operands) reads |= derived.contains(value);
    if (!reads) continue;
    if (!keeps_position(*op)) return false;
    derived[op->result()] = true;
  }
  for (const graph::Output& output : body.outputs) {
    if (output.value.type().elements() != body.outputs[result].value.type().elements()) return false;
  }
  return true;
}

}  // namespace sinter::passes
