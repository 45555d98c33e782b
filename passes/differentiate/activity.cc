#include "passes/differentiate/activity.h"

#include <algorithm>

#include "passes/differentiate/vjp.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

ValueSet depending_on(const Function& function, const std::vector<Value>& sources) {
  ValueSet set(sources.begin(), sources.end());
  for (const auto& op : function.ops()) {
    if (vjp_rule(op->code).kind == VjpRule::Kind::zero) continue;
    const auto depends = [&](Value operand) { return set.contains(operand); };
    if (std::none_of(op->operands.begin(), op->operands.end(), depends)) continue;
    for (size_t i = 0; i < op->results.size(); ++i) {
      if (is_floating(op->results[i].dtype)) set.insert(op->result(static_cast<int>(i)));
    }
  }
  return set;
}

std::unordered_set<const Op*> ops_between(const Function& function, const std::vector<Value>& sources,
                                          const std::vector<Value>& sinks) {
  const ValueSet dependent = depending_on(function, sources);
  ValueSet needed(sinks.begin(), sinks.end());
  std::unordered_set<const Op*> ops;
  for (auto op = function.ops().rbegin(); op != function.ops().rend(); ++op) {
    bool between = false;
    for (size_t i = 0; i < (*op)->results.size(); ++i) {
      const Value result = (*op)->result(static_cast<int>(i));
      between = between || (needed.contains(result) && dependent.contains(result));
    }
    if (!between) continue;
    bool leads = false;
    for (Value operand : (*op)->operands) {
      if (!dependent.contains(operand)) continue;
      needed.insert(operand);
      leads = true;
    }
    if (leads) ops.insert(op->get());
  }
  return ops;
}

void keep_what_outputs_need(Function& function) {
  std::unordered_set<const Op*> needed;
  for (const graph::Output& output : function.outputs) needed.insert(output.value.op);
  auto& ops = function.ops();
  for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
    if (!needed.contains(op->get())) continue;
    for (Value operand : (*op)->operands) needed.insert(operand.op);
  }
  std::erase_if(ops,
                [&](const auto& op) { return op->code != OpCode::parameter && !needed.contains(op.get()); });
}

}  // namespace sinter::passes
