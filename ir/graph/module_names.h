#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::graph {

// A module's functions and states by name, for who looks up many. Of equal names the first; valid while the
// module's lists stay as they are.
class ModuleNames {
 public:
  explicit ModuleNames(const Module& module) {
    for (const auto& function : module.functions) functions_.try_emplace(function->name(), function.get());
    for (const State& state : module.states) states_.try_emplace(state.name, &state);
  }

  const Function* find_function(std::string_view name) const {  // nullptr where there is none
    const auto it = functions_.find(name);
    return it == functions_.end() ? nullptr : it->second;
  }
  const State* find_state(std::string_view name) const {
    const auto it = states_.find(name);
    return it == states_.end() ? nullptr : it->second;
  }

 private:
  std::unordered_map<std::string_view, const Function*> functions_;
  std::unordered_map<std::string_view, const State*> states_;
};

// As infer_types of builder.h, with names looked up here.
std::vector<TensorType> infer_types(const Module& module, const ModuleNames& names, OpCode code,
                                    std::span<const Value> operands, const Attributes& attributes);

}  // namespace sinter::graph
