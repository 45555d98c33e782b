#include "passes/inline_calls/inline_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/module_names.h"
#include "passes/base/dead_code.h"
#include "passes/base/known_states.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

std::vector<Value> inline_function(Function& to, const Function& callee, std::span<const Value> operands) {
  graph::ValueMap<Value> map;
  size_t next = 0;
  for (const auto& op : callee.ops()) {
    if (op->code == OpCode::parameter) {
      map[op->result()] = operands[next++];
    } else {
      graph::clone_op(*op, to, map);
    }
  }
  std::vector<Value> outputs;
  for (const graph::Output& output : callee.outputs) outputs.push_back(map.at(output.value));
  return outputs;
}

namespace {

bool has_kernels(const Function& function) {
  return std::any_of(function.ops().begin(), function.ops().end(),
                     [](const auto& op) { return op->code == OpCode::kernel; });
}

// What reads a state behind a write of it gets what was written.
void forward_writes(const Module& module, Function& function) {
  KnownStates states(module);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto known = states.at(op);
    return known && known->is_written ? std::optional(std::vector{known->value}) : std::nullopt;
  });
}

void inline_kernels(Function& function) {
  while (has_kernels(function)) {
    Replacements replacements;
    rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
      if (op.code != OpCode::kernel) return std::nullopt;
      return inline_function(function, *op.body, op.operands);
    });
  }
}

}  // namespace

void keep_leaves_apart(Function& function) {
  std::unordered_set<Value, graph::ValueHash> leaves;
  for (Value value : differentiated_values(function.ops())) {
    const Op& op = *value.op;
    if (op.code == OpCode::call || op.code == OpCode::kernel || op.kind() == graph::OpKind::composite)
      leaves.insert(value);
  }
  if (leaves.empty()) return;
  graph::ValueMap<Value> own;
  const auto replace = [&](Value& value) {
    if (const auto it = own.find(value); it != own.end()) value = it->second;
  };
  std::vector<std::unique_ptr<Op>> ops = std::move(function.ops());
  function.ops().clear();
  for (auto& made : ops) {
    std::ranges::for_each(made->operands, replace);
    Op& op = function.append(std::move(made));
    for (size_t i = 0; i < op.results.size(); ++i) {
      const Value value = op.result(static_cast<int>(i));
      if (!leaves.contains(value)) continue;
      auto leaf = std::make_unique<Op>();
      leaf->code = OpCode::reshape;
      leaf->operands = {value};
      leaf->results = {value.type()};
      leaf->attributes.set("shape", value.shape());
      leaf->location = op.location;
      own[value] = function.append(std::move(leaf)).result();
    }
  }
  for (graph::Output& output : function.outputs) replace(output.value);
}

void inline_calls(Module& module, const std::vector<std::string>& arguments) {
  bool all = false, kernels = false;
  for (const std::string& argument : arguments) {
    if (argument != "all" && argument != "kernels")
      throw GraphError(
          fmt::format("inline_calls: the arguments are 'all' and 'kernels', got '{}'", argument));
    (argument == "all" ? all : kernels) = true;
  }
  for (const auto& function : module.functions) keep_leaves_apart(*function);
  if (kernels) {
    for (const auto& function : module.functions) inline_kernels(*function);
  }
  const Effects effects = functions_with_effects(module);
  const graph::ModuleNames names(module);
  for (Function* function : graph::callees_first(module)) {
    Replacements replacements;
    bool inlined = false;
    rewrite_ops(*function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
      if (op.code != OpCode::call || !(all || graph::is_plain_call(op))) return std::nullopt;
      inlined = true;
      return inline_function(*function, *names.find_function(graph::callee(op)), op.operands);
    });
    if (all) forward_writes(module, *function);
    // Of what it calls, a function may need a part.
    if (inlined) remove_dead_code(*function, effects);
  }
}

}  // namespace sinter::passes
