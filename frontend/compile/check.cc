#include "frontend/compile/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "frontend/compile/compare.h"
#include "ir/graph/anchor.h"
#include "ir/graph/text/text.h"
#include "passes/base/alone.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"

namespace sinter {
namespace {

constexpr const char* kName = "kernel";

// Appends a kernel to `ops`, behind what it cannot be run without: tables of constants and, for the gradient
// of attention, the attention, whose results must be those of the operands that both read.
void collect(const graph::Op& kernel, bool is_gradient, std::vector<const graph::Op*>& ops) {
  if (std::find(ops.begin(), ops.end(), &kernel) != ops.end()) return;
  is_gradient = is_gradient || graph::is_kernel(kernel, graph::Anchor::attention_backward);
  for (graph::Value operand : kernel.operands) {
    const graph::Op& op = *operand.op;
    if (op.code == graph::OpCode::constant || (is_gradient && graph::is_kernel(op, graph::Anchor::attention)))
      collect(op, is_gradient, ops);
  }
  ops.push_back(&kernel);
}

graph::Module alone(const graph::Op& kernel) {
  std::vector<const graph::Op*> ops;
  collect(kernel, false, ops);
  return passes::alone(kName, ops);
}

// A kernel by itself.
class Alone {
 public:
  explicit Alone(const graph::Op& kernel) : module_(alone(kernel)) {}

  std::string text() const { return graph::print(module_, {.locations = false}); }

  std::string difference(const backends::Device& device) {
    const auto executable = compile(device);
    return difference_on_random_inputs(module_, *module_.find_function(kName), device, *executable);
  }
  // Of one that has been compiled.
  const std::string& name() const { return name_; }
  const std::string& notes() const { return notes_; }

  std::unique_ptr<runtime::Executable> compile(const backends::Device& device) {
    const auto lower = [&](const loop::Target& target) {
      loop::Program program = passes::to_loops(graph::clone(module_), kName, target);
      name_ = program.kernels.back().name;
      notes_.clear();
      for (const std::string& note : program.kernels.back().notes) notes_ += "\n  in it: " + note;
      return program;
    };
    return device.compile({kName, [&] { return graph::clone(module_); }, lower});
  }

 private:
  graph::Module module_;
  std::string name_, notes_;
};

// The first kernel of a function whose results are wrong where it runs as a part of it, if one is where all
// results are kept.
std::string first_that_differs(const graph::Module& kernels, std::string_view function,
                               const backends::Device& device) {
  graph::Module kept = graph::clone(kernels);
  graph::Function& all = *kept.find_function(function);
  all.outputs.clear();
  std::vector<const graph::Op*> makers;
  for (const auto& op : all.ops()) {
    if (op->code != graph::OpCode::kernel) continue;
    for (size_t i = 0; i < op->results.size(); ++i) {
      all.outputs.push_back({fmt::format("output{}", makers.size()), op->result(static_cast<int>(i))});
      makers.push_back(op.get());
    }
  }
  const auto lower = [&](const loop::Target& target) {
    return passes::to_loops(graph::clone(kept), function, target);
  };
  const auto executable = device.compile({function, [&] { return graph::clone(kept); }, lower});
  size_t result = makers.size();
  const std::string difference = difference_on_random_inputs(kept, all, device, *executable, &result);
  if (result >= makers.size()) return "\n  no kernel differs where all their results are kept";
  Alone kernel(*makers[result]);
  kernel.compile(device);
  return fmt::format("\n  first in kernel '{}': {}{}", kernel.name(), difference, kernel.notes());
}

}  // namespace

CheckResult check_function(const graph::Module& module, std::string_view function,
                           const backends::Device& device, const passes::Options& options) {
  graph::Module kernels;
  const auto lower = [&](const loop::Target& target) {
    kernels = passes::to_kernels(module, function, target, options);
    return passes::to_loops(graph::clone(kernels), function, target);
  };
  const graph::Module expanded = passes::differentiated(module);
  const auto executable = device.compile({function, [&] { return graph::clone(expanded); }, lower});
  CheckResult result;
  if (kernels.functions.empty()) return result;
  std::set<std::string> seen;
  for (const auto& part : kernels.functions) {
    for (const auto& op : part->ops()) {
      if (op->code != graph::OpCode::kernel) continue;
      Alone kernel(*op);
      if (!seen.insert(kernel.text()).second) continue;
      const std::string difference = kernel.difference(device);
      if (!difference.empty()) {
        result.disagreement = fmt::format("kernel '{}' disagrees with the reference:\n  {}{}", kernel.name(),
                                          difference, kernel.notes());
        return result;
      }
      ++result.kernels;
    }
  }
  const std::string difference =
      difference_on_random_inputs(expanded, *expanded.find_function(function), device, *executable);
  if (!difference.empty()) {
    result.disagreement =
        fmt::format("'{}' disagrees with the reference, though each of its kernels by itself agrees:\n  {}{}",
                    function, difference, first_that_differs(kernels, function, device));
  }
  return result;
}

}  // namespace sinter
