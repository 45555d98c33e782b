#include "passes/base/known_states.h"

#include "ir/graph/callees.h"

namespace sinter::passes {

using graph::OpCode;

std::optional<KnownStates::Known> KnownStates::at(graph::Op& op) {
  if (op.code == OpCode::write) known_[op.attributes.text("state")] = {op.operands[0], true};
  if (op.code == OpCode::call) {
    const graph::Function& called = *module_.find_function(graph::callee(op));
    for (const std::string& state : graph::states_touched(module_, called, OpCode::write))
      known_.erase(state);
  }
  if (op.code != OpCode::read) return std::nullopt;
  const auto [it, is_first] = known_.try_emplace(op.attributes.text("state"), Known{op.result(), false});
  return is_first ? std::nullopt : std::optional(it->second);
}

}  // namespace sinter::passes
