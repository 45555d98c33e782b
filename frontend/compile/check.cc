#include "frontend/compile/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "frontend/compile/compare.h"
#include "ir/graph/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "passes/raise/attention_body.h"

namespace sinter {
namespace {

constexpr const char* kName = "kernel";

bool has_anchor(const graph::Op& op, std::string_view anchor) {
  return op.code == graph::OpCode::kernel && op.attributes.text("anchor") == anchor;
}

// Appends a kernel to `ops`, behind what it cannot be run without: tables of constants and, for the gradient
// of attention, the attention, whose results must be those of the operands that both read.
void collect(const graph::Op& kernel, bool is_gradient, std::vector<const graph::Op*>& ops) {
  if (std::find(ops.begin(), ops.end(), &kernel) != ops.end()) return;
  is_gradient = is_gradient || has_anchor(kernel, passes::kAttentionBackward);
  for (graph::Value operand : kernel.operands) {
    const graph::Op& op = *operand.op;
    if (op.code == graph::OpCode::constant || (is_gradient && has_anchor(op, passes::kAttention)))
      collect(op, is_gradient, ops);
  }
  ops.push_back(&kernel);
}

// A kernel alone in a module, its operands parameters, and what it cannot be run without.
graph::Module alone(const graph::Op& kernel) {
  std::vector<const graph::Op*> ops;
  collect(kernel, false, ops);
  graph::Module module;
  graph::Function& function = module.add_function(kName);
  graph::ValueMap<graph::Value> map;
  for (const graph::Op* op : ops) {
    for (graph::Value operand : op->operands) {
      if (map.contains(operand) || std::find(ops.begin(), ops.end(), operand.op) != ops.end()) continue;
      auto parameter = std::make_unique<graph::Op>();
      parameter->code = graph::OpCode::parameter;
      parameter->results = {operand.type()};
      parameter->attributes.set("name", fmt::format("p{}", map.size()));
      map[operand] = function.append(std::move(parameter)).result();
    }
  }
  for (const graph::Op* op : ops) graph::clone_op(*op, function, map);
  graph::Op& op = *function.ops().back();
  for (size_t i = 0; i < op.results.size(); ++i)
    function.outputs.push_back({fmt::format("output{}", i), op.result(static_cast<int>(i))});
  return module;
}

std::string check_kernel(const graph::Module& module, const backends::Device& device) {
  const graph::Function& function = *module.find_function(kName);
  std::string name, notes;
  const auto lower = [&](const loop::Target& target) {
    loop::Program program = passes::to_loops(module, kName, target);
    name = program.kernels.back().name;
    for (const std::string& note : program.kernels.back().notes) notes += "\n  in it: " + note;
    return program;
  };
  const auto executable = device.compile({kName, [&] { return graph::clone(module); }, lower});
  const std::string difference = difference_on_random_inputs(module, function, device, *executable);
  if (difference.empty()) return "";
  return fmt::format("kernel '{}' disagrees with the reference:\n  {}{}", name, difference, notes);
}

}  // namespace

CheckResult check_function(const graph::Module& module, std::string_view function,
                           const backends::Device& device, const passes::Options& options) {
  graph::Module kernels;
  const auto lower = [&](const loop::Target& target) {
    kernels = passes::to_kernels(module, function, target, options);
    return passes::to_loops(kernels, function, target);
  };
  device.compile({function, [&] { return passes::differentiated(module); }, lower});
  CheckResult result;
  std::set<std::string> seen;
  for (const auto& part : kernels.functions) {
    for (const auto& op : part->ops()) {
      if (op->code != graph::OpCode::kernel) continue;
      const graph::Module kernel = alone(*op);
      if (!seen.insert(graph::print(kernel, {.locations = false})).second) continue;
      result.disagreement = check_kernel(kernel, device);
      if (!result.disagreement.empty()) return result;
      ++result.kernels;
    }
  }
  return result;
}

}  // namespace sinter
