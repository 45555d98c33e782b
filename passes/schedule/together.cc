#include "passes/schedule/core/template.h"
#include "passes/schedule/schedule.h"

// The schedule of `together`: the parts of several kernels.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

loop::Kernel schedule_together(const Op& kernel, ScheduleContext& context) {
  const Template t(kernel, context);
  graph::ValueMap<loop::BufferRef> buffers;
  const auto parameters = t.body.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) buffers[parameters[i]->result()] = t.inputs[i];
  for (size_t i = 0; i < t.body.outputs.size(); ++i) buffers[t.body.outputs[i].value] = t.outputs[i];

  std::vector<loop::Stmt> parts;
  for (const auto& op : t.body.ops()) {
    if (op->code != OpCode::kernel) continue;
    std::vector<loop::BufferRef> inputs, outputs;
    for (Value operand : op->operands) inputs.push_back(buffers.at(operand));
    for (size_t i = 0; i < op->results.size(); ++i)
      outputs.push_back(buffers.at(op->result(static_cast<int>(i))));
    const loop::Kernel one = schedule(*op, t.context, inputs, outputs);
    parts.insert(parts.end(), one.parts.begin(), one.parts.end());
  }
  return t.finish(std::move(parts));
}

}  // namespace sinter::passes
