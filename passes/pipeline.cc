#include "passes/pipeline.h"

#include <fmt/format.h>

#include <functional>
#include <span>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/module_names.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/expand_math/expand_math.h"
#include "passes/fuse/fuse.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/merge/merge.h"
#include "passes/plan/plan.h"
#include "passes/raise/raise.h"
#include "passes/release/release.h"
#include "passes/simplify/simplify.h"
#include "passes/to_workgroups/to_workgroups.h"

namespace sinter::passes {
namespace {

// The module with `name` and the functions it calls, directly or not.
graph::Module reduced_to(const graph::Module& module, std::string_view name) {
  const graph::ModuleNames names(module);
  std::unordered_set<std::string> needed;
  std::vector<std::string> pending = {std::string(name)};
  while (!pending.empty()) {
    const std::string next = pending.back();
    pending.pop_back();
    const graph::Function* function = names.find_function(next);
    if (function == nullptr) throw GraphError(fmt::format("no function is called '{}'", next));
    if (!needed.insert(next).second) continue;
    for (const auto& op : function->ops()) {
      for (std::string& called : graph::callees(*op)) pending.push_back(std::move(called));
    }
  }
  graph::Module result;
  result.states = module.states;
  for (const auto& function : module.functions) {
    if (needed.contains(function->name())) result.functions.push_back(graph::clone(*function));
  }
  return result;
}

}  // namespace

graph::Module to_kernels(const graph::Module& source, std::string_view name, const loop::Target& target,
                         const Options& options) {
  struct Step {
    std::function<void(graph::Module&, const std::vector<std::string>&)> pass;
    std::vector<std::string> arguments = {};
  };
  const auto fuse_for_target = [&](graph::Module& module, const std::vector<std::string>& arguments) {
    fuse(module, arguments, target);
  };
  const auto release_for_target = [&](graph::Module& module, const std::vector<std::string>&) {
    release(module, target);
  };
  std::vector<std::string> fusion = {target.style == loop::Target::Style::threads ? "columns" : "sort"};
  if (target.has_fast_shared) fusion.push_back("sums");
  const Step fused[] = {
      {inline_calls, {"kernels"}},
      {decompose, {"only", "attention"}},
      {simplify, {"keep_stop_gradient"}},
      {raise},
      {differentiate},
      {release_for_target},
      {decompose},
      {simplify},
      {inline_calls, {"all"}},
      {fuse_for_target, fusion},
      {merge, {std::to_string(target.max_buffers)}},
  };
  const Step apart[] = {
      {inline_calls, {"kernels"}}, {raise, {"losses"}},        {differentiate}, {decompose}, {simplify},
      {inline_calls, {"all"}},     {fuse_for_target, {"off"}},
  };
  graph::Module module = reduced_to(source, name);
  for (const Step& step : options.fuse ? std::span<const Step>(fused) : apart) {
    step.pass(module, step.arguments);
    if (options.verify) graph::verify(module);
  }
  return module;
}

loop::Program to_loops(const graph::Module& kernels, std::string_view name, const loop::Target& target) {
  loop::Program program = plan(kernels, *kernels.find_function(name), target);
  if (target.style == loop::Target::Style::workgroups) program = to_workgroups(program, target);
  return expand_math(program, {.has_fma = target.has_fma, .exact_division = target.exact_division});
}

loop::Program lower(const graph::Module& module, std::string_view name, const loop::Target& target,
                    const Options& options) {
  return to_loops(to_kernels(module, name, target, options), name, target);
}

std::string identity(const graph::Module& module, std::string_view name, const Options& options) {
  return fmt::format("{}\n{}\n{}", name, options.key(), graph::print(reduced_to(module, name)));
}

}  // namespace sinter::passes
