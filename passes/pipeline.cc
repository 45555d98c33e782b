#include "passes/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/module_names.h"
#include "ir/graph/text/text.h"
#include "passes/work.h"

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

bool fuses(const loop::Target&, const Options& options) {
  return options.fuse;
}
bool fuses_not(const loop::Target&, const Options& options) {
  return !options.fuse;
}
bool has_workgroups(const loop::Target& target, const Options&) {
  return target.has_workgroups();
}
bool fuses_on_threads(const loop::Target& target, const Options& options) {
  return options.fuse && !has_workgroups(target, options);
}
bool fuses_on_workgroups(const loop::Target& target, const Options& options) {
  return options.fuse && has_workgroups(target, options);
}
bool fuses_in_shared_memory(const loop::Target& target, const Options& options) {
  return options.fuse && target.has_fast_shared();
}

bool checks_numerics(const loop::Target&, const Options& options) {
  return options.check_numerics;
}

// A pass and its arguments, and for what it is in the pipeline: for everything where nothing stands.
struct Step {
  std::string_view call;
  bool (*is_for)(const loop::Target&, const Options&) = nullptr;
};

// The whole way, from a function as it is written to the loops that a backend makes code of.
constexpr Step kSteps[] = {
    {"inline_calls(kernels)"},
    {"decompose(only;attention)", fuses},
    {"simplify(keep_stop_gradient)", fuses},
    {"raise", fuses},
    {"raise(losses)", fuses_not},
    {"differentiate"},
    {"release", fuses},
    {"decompose"},
    {"simplify"},
    {"inline_calls(all)"},
    {"legalize"},
    {"check_numerics", checks_numerics},
    {"guard"},
    {"split_sorts"},
    {"shorten_loops"},
    {"split_columns", fuses_on_threads},
    {"copy_windows", fuses_on_threads},
    {"sort_scatters", fuses_on_workgroups},
    {"split_sums", fuses_in_shared_memory},
    {"split_gradients", fuses_on_threads},
    {"fit_bindings"},
    {"group", fuses},
    {"group(off)", fuses_not},
    {"merge", fuses},
    {"choose"},
    {"open_loops"},
    {"order"},
    {"schedule"},
    {"place"},
    {"to_workgroups", has_workgroups},
    {"expand_math"},
};

}  // namespace

std::vector<PassCall> pipeline(const loop::Target& target, const Options& options) {
  std::vector<PassCall> calls;
  for (const Step& step : kSteps) {
    if (step.is_for == nullptr || step.is_for(target, options))
      calls.push_back(parse_pass_list(step.call)[0]);
  }
  return calls;
}

namespace {

// The steps before the first that takes kernels as they are, and those from it on.
std::pair<std::vector<PassCall>, std::vector<PassCall>> halves(const loop::Target& target,
                                                               const Options& options) {
  const std::vector<PassCall> all = pipeline(target, options);
  const auto half = std::ranges::find(all, "order", [](const PassCall& call) { return call.pass->name; });
  return {{all.begin(), half}, {half, all.end()}};
}

}  // namespace

graph::Module to_kernels(const graph::Module& source, std::string_view name, const loop::Target& target,
                         const Options& options) {
  Work work(reduced_to(source, name), target, name);
  for (const PassCall& call : halves(target, options).first) work.run(call, options.verify);
  return work.take_module();
}

loop::Program to_loops(graph::Module kernels, std::string_view name, const loop::Target& target) {
  Work work(std::move(kernels), target, name);
  for (const PassCall& call : halves(target, {}).second) work.run(call, false);
  return work.programs()[0];
}

loop::Program lower(const graph::Module& module, std::string_view name, const loop::Target& target,
                    const Options& options) {
  Work work(reduced_to(module, name), target, name);
  for (const PassCall& call : pipeline(target, options)) work.run(call, options.verify);
  return work.programs()[0];
}

std::string identity(const graph::Module& module, std::string_view name, const Options& options) {
  return fmt::format("{}\n{}\n{}", name, options.key(), graph::print(reduced_to(module, name)));
}

}  // namespace sinter::passes
