#include "passes/differentiate/vjp_function.h"

#include <fmt/format.h>

#include <set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "passes/differentiate/activity.h"
#include "passes/differentiate/backward.h"
#include "passes/differentiate/differentiate.h"

namespace sinter::passes {

using graph::Builder;
using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

void check_repeatable(const Module& module, const Function& callee, const Function& repeated,
                      const graph::Location& where) {
  const auto written = graph::states_touched(module, callee, OpCode::write);
  const auto read = graph::states_touched(module, repeated, OpCode::read);
  const auto writes = graph::states_touched(module, repeated, OpCode::write);
  for (const std::string& state : written) {
    if (!read.contains(state) && !writes.contains(state)) continue;
    throw GraphError(
        fmt::format("differentiate: the gradient of '{}' would repeat work on state '{}', which '{}' "
                    "writes; move the write out of it{}",
                    callee.name(), state, callee.name(), at(where)));
  }
}

}  // namespace

std::string free_function_name(const Module& module, const std::string& base) {
  std::string name = base;
  for (int i = 2; module.find_function(name) != nullptr; ++i) name = base + std::to_string(i);
  return name;
}

std::string free_parameter_name(const Function& function, const std::string& base) {
  std::set<std::string> taken;
  for (const Op* parameter : function.parameters()) taken.insert(Function::parameter_name(*parameter));
  std::string name = base;
  for (int i = 2; taken.contains(name); ++i) name = base + std::to_string(i);
  return name;
}

std::unique_ptr<Function> make_vjp_function(Module& module, const Function& callee,
                                            const std::vector<bool>& inputs, const std::vector<bool>& outputs,
                                            const graph::Location& where) {
  auto function = std::make_unique<Function>(callee.name());
  Builder builder(module, *function);
  graph::ValueMap<Value> map;
  std::vector<Value> wrt;
  for (const Op* parameter : callee.parameters()) {
    const Value copy = clone_op(*parameter, *function, map).result();
    if (inputs[function->ops().size() - 1]) wrt.push_back(copy);
  }
  std::vector<Value> cotangents;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const graph::Output& output = callee.outputs[i];
    if (!outputs[i]) continue;
    const std::string name = free_parameter_name(*function, "d_" + output.name);
    cotangents.push_back(builder.parameter(name, output.value.type()));
  }
  for (const auto& op : callee.ops()) {
    if (op->code != OpCode::parameter && op->code != OpCode::write) clone_op(*op, *function, map);
  }
  std::vector<Value> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]) results.push_back(map.at(callee.outputs[i].value));
  }
  for (Value gradient : backward(builder, results, cotangents, wrt)) {
    builder.output(fmt::format("d_{}", function->outputs.size()), gradient);
  }
  keep_what_outputs_need(*function);
  check_repeatable(module, callee, *function, where);
  return function;
}

}  // namespace sinter::passes
