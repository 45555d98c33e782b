#include "passes/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/verify.h"
#include "ir/loop/text/text.h"
#include "passes/base/in_kernels.h"

namespace sinter::passes {

using graph::Module;

Work::Work(Module module, const loop::Target& target, std::string_view entry)
    : module_(std::move(module)), target_(target), entry_(entry) {}

Work Work::parse(std::string_view text, std::string_view file, const loop::Target& target) {
  const size_t loops = loop::find_program(text);
  const std::string_view graph = text.substr(0, loops);
  Work work;
  work.target_ = target;
  if (loops == text.size()) {
    work.module_ = graph::parse(graph, file);
    return work;
  }
  const std::string blank(static_cast<size_t>(std::ranges::count(graph, '\n')), '\n');
  work.programs_ = loop::parse(blank + std::string(text.substr(loops)), file);
  const bool has_steps =
      std::ranges::any_of(work.programs_, [](const auto& program) { return !program.slots.empty(); });
  work.stage_ = has_steps ? Stage::program : Stage::kernels;
  if (has_steps) return work;
  work.module_ = graph::parse(graph, file);
  for (const loop::Program& program : work.programs_) {
    if (work.module_.find_function(program.name) == nullptr)
      throw GraphError(fmt::format("{}: there are kernels of {}, and no such function", file, program.name));
  }
  return work;
}

void Work::run(const PassCall& call, bool verifies) {
  const Pass& pass = *call.pass;
  check_stage(pass);
  if (pass.on_graph == nullptr) check_arguments(pass.name, call.arguments, {});
  if (pass.on_graph != nullptr) pass.on_graph(module_, call.arguments, target_);
  if (pass.on_function != nullptr) {
    for (const auto& function : module_.functions) pass.on_function(module_, *function, target_);
  }
  if (pass.to_kernels != nullptr) make_kernels(pass);
  if (pass.to_program != nullptr) {
    for (loop::Program& program : programs_) {
      const graph::Function& function = *module_.find_function(program.name);
      program = pass.to_program(module_, function, std::move(program), target_);
    }
    stage_ = Stage::program;
  }
  if (pass.on_loops != nullptr) {
    for (loop::Program& program : programs_) program = pass.on_loops(program, target_);
  }
  if (verifies) verify(call);
}

void Work::check_stage(const Pass& pass) const {
  const bool is_for_graph = pass.is_on_graph() || pass.to_kernels != nullptr;
  if (is_for_graph && stage_ != Stage::graph)
    throw GraphError(fmt::format("{}: works on a graph, and this one has become loops", pass.name));
  if (pass.to_program != nullptr && stage_ != Stage::kernels)
    throw GraphError(fmt::format("{}: works on the loops of kernels, which schedule makes", pass.name));
  if (pass.on_loops != nullptr && stage_ != Stage::program)
    throw GraphError(fmt::format("{}: works on a program, which place makes", pass.name));
}

void Work::make_kernels(const Pass& pass) {
  check_kernels(pass.name, module_);
  std::set<std::string> run;
  for (const auto& function : module_.functions) {
    for (const auto& op : function->ops()) run.insert(graph::callee(*op));
  }
  for (const auto& function : module_.functions) {
    if (entry_.empty() ? run.contains(function->name()) : function->name() != entry_) continue;
    programs_.push_back(pass.to_kernels(module_, *function, target_));
  }
  stage_ = Stage::kernels;
}

void Work::verify(const PassCall& call) const {
  try {
    if (stage_ != Stage::program) graph::verify(module_);
  } catch (const GraphError& error) {
    throw InternalError(
        fmt::format("{} left a graph that does not verify: {}", call.pass->name, error.what()));
  }
  for (const loop::Program& program : programs_) loop::verify(program);
}

std::string Work::text(const graph::PrintOptions& options) const {
  std::string text;
  if (stage_ != Stage::program) text = graph::print(module_, options);
  for (const loop::Program& program : programs_) {
    if (!text.empty()) text += "\n";
    text += loop::print(program);
  }
  return text;
}

}  // namespace sinter::passes
