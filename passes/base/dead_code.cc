#include "passes/base/dead_code.h"

#include <algorithm>

#include "ir/graph/callees.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

bool has_effect(const Op& op, const Effects& effects) {
  switch (op.code) {
    case OpCode::write:
      return true;
    case OpCode::call:
    case OpCode::scan:
      return effects.contains(graph::callee(op));
    case OpCode::kernel:
      return std::ranges::any_of(op.body->ops(),
                                 [&](const auto& inner) { return has_effect(*inner, effects); });
    default:
      // All ranks meet, also where one of them has no use for the result.
      return op.kind() == graph::OpKind::check || op.kind() == graph::OpKind::collective;
  }
}

// Keeps the values of a barrier that are used; their new places go to `moved`.
void narrow(Op& barrier, const std::unordered_set<Value, graph::ValueHash>& used,
            graph::ValueMap<Value>& moved) {
  size_t kept = 0;
  for (size_t i = 0; i < barrier.operands.size(); ++i) {
    const Value before = barrier.result(static_cast<int>(i));
    if (!used.contains(before)) continue;
    if (kept != i) moved[before] = barrier.result(static_cast<int>(kept));
    barrier.operands[kept] = barrier.operands[i];
    barrier.results[kept] = barrier.results[i];
    ++kept;
  }
  barrier.operands.resize(kept);
  barrier.results.resize(kept);
}

}  // namespace

Effects functions_with_effects(const graph::Module& module) {
  Effects effects;
  for (const Function* function : graph::callees_first(module)) {
    const bool any =
        std::ranges::any_of(function->ops(), [&](const auto& op) { return has_effect(*op, effects); });
    if (any) effects.insert(function->name());
  }
  return effects;
}

void remove_dead_code(Function& function, const Effects& effects) {
  std::unordered_set<const Op*> live;
  std::unordered_set<Value, graph::ValueHash> used;  // results of barriers
  const auto use = [&](Value value) {
    live.insert(value.op);
    if (value.op->code == OpCode::barrier) used.insert(value);
  };
  for (const graph::Output& output : function.outputs) use(output.value);
  auto& ops = function.ops();
  for (auto it = ops.rbegin(); it != ops.rend(); ++it) {
    const Op& op = **it;
    if (op.code == OpCode::parameter || has_effect(op, effects)) live.insert(&op);
    if (!live.contains(&op)) continue;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const bool passes = op.code != OpCode::barrier || used.contains(Value{it->get(), static_cast<int>(i)});
      if (passes) use(op.operands[i]);
    }
  }

  std::erase_if(ops, [&](const auto& op) { return !live.contains(op.get()); });
  graph::ValueMap<Value> moved;
  const auto update = [&](Value& value) {
    if (const auto it = moved.find(value); it != moved.end()) value = it->second;
  };
  for (const auto& op : ops) {
    if (!moved.empty()) std::ranges::for_each(op->operands, update);
    if (op->code == OpCode::barrier) narrow(*op, used, moved);
  }
  for (graph::Output& output : function.outputs) update(output.value);
}

}  // namespace sinter::passes
