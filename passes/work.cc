#include "passes/work.h"

#include <fmt/format.h>

#include <set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/verify.h"

namespace sinter::passes {

using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;

namespace {

// What kernels leave beside them.
bool may_stand_alone(const Op& op) {
  switch (op.code) {
    case OpCode::kernel:
    case OpCode::parameter:
    case OpCode::constant:
    case OpCode::reshape:
    case OpCode::read:
    case OpCode::write:
    case OpCode::scan:
      return true;
    default:
      return false;
  }
}

// The function and what it runs, in kernels.
void check_kernels(std::string_view pass, const Module& module, const Function& function) {
  for (const auto& op : function.ops()) {
    if (!may_stand_alone(*op)) {
      throw GraphError(fmt::format("{}: {} is in no kernel; group comes first{}", pass, graph::name(op->code),
                                   graph::at(op->location)));
    }
    if (const std::string run = graph::callee(*op); !run.empty())
      check_kernels(pass, module, *module.find_function(run));
  }
}

}  // namespace

Work::Work(Module module, const loop::Target& target, std::string_view entry)
    : module_(std::move(module)), target_(target), entry_(entry) {}

void Work::run(const PassCall& call, bool verifies) {
  const Pass& pass = *call.pass;
  if ((pass.on_loops == nullptr) == has_loops_) {
    throw GraphError(has_loops_
                         ? fmt::format("{}: works on a graph, and this one has become loops", pass.name)
                         : fmt::format("{}: works on loops, which plan makes", pass.name));
  }
  if (pass.on_graph == nullptr) check_arguments(pass.name, call.arguments, {});
  if (pass.on_graph != nullptr) pass.on_graph(module_, call.arguments, target_);
  if (pass.on_function != nullptr) {
    for (const auto& function : module_.functions) pass.on_function(module_, *function, target_);
  }
  if (pass.to_loops != nullptr) make_loops(call);
  if (pass.on_loops != nullptr) {
    for (loop::Program& program : programs_) program = pass.on_loops(program, target_);
  }
  if (verifies) verify(call);
}

void Work::make_loops(const PassCall& call) {
  std::set<std::string> run;
  for (const auto& function : module_.functions) {
    for (const auto& op : function->ops()) run.insert(graph::callee(*op));
  }
  for (const auto& function : module_.functions) {
    if (entry_.empty() ? run.contains(function->name()) : function->name() != entry_) continue;
    check_kernels(call.pass->name, module_, *function);
    programs_.push_back(call.pass->to_loops(module_, *function, target_));
  }
  has_loops_ = true;
}

void Work::verify(const PassCall& call) const {
  try {
    if (!has_loops_) graph::verify(module_);
  } catch (const GraphError& error) {
    throw InternalError(
        fmt::format("{} left a graph that does not verify: {}", call.pass->name, error.what()));
  }
  for (const loop::Program& program : programs_) {
    for (const loop::Kernel& kernel : program.kernels) loop::verify(kernel);
  }
}

std::string Work::text(const graph::PrintOptions& options) const {
  if (!has_loops_) return graph::print(module_, options);
  std::string text;
  for (const loop::Program& program : programs_) text += loop::print(program);
  return text;
}

}  // namespace sinter::passes
