#include "passes/fuse/trial.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/loop/iterations.h"
#include "passes/base/costs.h"
#include "passes/fuse/group.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/legalize.h"
#include "passes/plan/plan.h"
#include "passes/schedule/choose.h"
#include "passes/to_workgroups/to_workgroups.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

graph::Module alone(const Op& op, const graph::ValueMap<int>& uses) {
  graph::Module module;
  Function& function = module.add_function("f");
  graph::ValueMap<Value> map;
  for (Value operand : op.operands) {
    if (map.contains(operand)) continue;
    auto parameter = std::make_unique<Op>();
    parameter->code = OpCode::parameter;
    parameter->results = {operand.type()};
    parameter->attributes.set("name", fmt::format("p{}", map.size()));
    map[operand] = function.append(std::move(parameter)).result();
  }
  Op& copy = graph::clone_op(op, function, map);
  for (size_t i = 0; i < copy.results.size(); ++i) {
    const auto result = static_cast<int>(i);
    if (uses.at({const_cast<Op*>(&op), result}) > 0)
      function.outputs.push_back({fmt::format("output{}", i), copy.result(result)});
  }
  return module;
}

}  // namespace

Trial try_out(const Op& op, const graph::ValueMap<int>& uses, const loop::Target& target) {
  loop::Target unlimited = target;
  unlimited.max_buffers = loop::Target().max_buffers;
  unlimited.max_iterations = loop::Target().max_iterations;
  graph::Module module = alone(op, uses);
  if (module.functions[0]->outputs.empty()) return {};
  legalize(module, *module.functions[0]);
  guard(*module.functions[0]);
  group(module, {}, unlimited);
  choose(module, unlimited);
  const loop::Program program = plan(module, *module.functions[0], unlimited);
  Trial trial;
  for (const loop::Kernel& kernel : program.kernels) {
    trial.buffers = std::max(trial.buffers, static_cast<int64_t>(kernel.arguments.size()));
    trial.iterations = std::max(trial.iterations, loop::most_iterations(to_workgroups(kernel, target)));
  }
  if (op.body != nullptr && reads_call(op)) ++trial.buffers;
  return trial;
}

}  // namespace sinter::passes
