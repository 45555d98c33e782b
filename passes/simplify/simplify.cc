#include "passes/simplify/simplify.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "passes/base/dead_code.h"
#include "passes/base/rewrite.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/simplify/contract_results.h"
#include "passes/simplify/editor.h"
#include "passes/simplify/rules.h"

namespace sinter::passes {

using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// A sweep leaves what it appends simplified, so that two or three are mostly enough: the last finds nothing.
constexpr int kMostSweeps = 8;

// Appends every op anew; how many were changed.
int sweep(const Module& module, Function& function, const RuleIndex& rules) {
  std::vector<std::unique_ptr<Op>> ops = std::move(function.ops());
  function.ops().clear();
  function.ops().reserve(ops.size());
  Editor editor(module, function, rules);
  for (Value value : differentiated_values(ops)) editor.pin(value);

  graph::ValueMap<Value> by;
  by.reserve(ops.size());
  const auto replace = [&](Value& value) {
    if (const auto it = by.find(value); it != by.end()) value = it->second;
  };
  for (auto& op : ops) {
    std::ranges::for_each(op->operands, replace);
    editor.set_location(op->location);
    Op* const before = op.get();
    const std::vector<Value> after = editor.place(std::move(op));
    for (size_t i = 0; i < after.size(); ++i) {
      const Value value{before, static_cast<int>(i)};
      if (after[i] != value) by[value] = after[i];
    }
  }
  for (graph::Output& output : function.outputs) replace(output.value);
  return editor.changes();
}

void simplify(const Module& module, Function& function, const RuleIndex& rules, const Effects& effects) {
  remove_dead_code(function, effects);
  for (int i = 0; i < kMostSweeps; ++i) {
    absorb_transposes_of_contracts(function);
    const int changes = sweep(module, function, rules);
    remove_dead_code(function, effects);
    if (changes == 0) break;
  }
}

bool has_grad(const Module& module) {
  return std::ranges::any_of(module.functions, [](const auto& function) {
    return std::ranges::any_of(function->ops(), [](const auto& op) { return op->code == OpCode::grad; });
  });
}

bool parse_arguments(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "keep_stop_gradient") {
      throw GraphError(
          fmt::format("simplify: the only argument is 'keep_stop_gradient', got '{}'", argument));
    }
  }
  return !arguments.empty();
}

}  // namespace

void simplify(Module& module, const std::vector<std::string>& arguments) {
  const bool keep_stop_gradient = parse_arguments(arguments);
  inline_calls(module);
  static const RuleIndex before_gradients = index_rules(false), after_gradients = index_rules(true);
  const RuleIndex& rules = keep_stop_gradient || has_grad(module) ? before_gradients : after_gradients;
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions) simplify(module, *function, rules, effects);
}

int apply_rule(Module& module, std::string_view name) {
  const RuleIndex rules = index_rules(true, name);
  const Effects effects = functions_with_effects(module);
  int changes = 0;
  for (const auto& function : module.functions) {
    changes += sweep(module, *function, rules);
    remove_dead_code(*function, effects);
  }
  return changes;
}

}  // namespace sinter::passes
