#include <fmt/format.h>

#include "passes/schedule/template.h"

// The schedule of `together`: the units of several kernels, one after the other, in one parallel loop.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

loop::Kernel schedule_together(Template& t) {
  graph::ValueMap<loop::BufferRef> buffers;
  const auto parameters = t.body.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) buffers[parameters[i]->result()] = t.inputs[i];
  for (size_t i = 0; i < t.body.outputs.size(); ++i) buffers[t.body.outputs[i].value] = t.outputs[i];

  const loop::VariableRef unit = loop::make_variable("unit");
  const Expr u = loop::variable(unit);
  std::vector<Stmt> parts;
  loop::Kernel result = t.finish(loop::block({}));
  result.notes.clear();
  result.flops = 0;
  int64_t units = 0;
  size_t count = 0;
  for (const auto& op : t.body.ops()) {
    if (op->code != OpCode::kernel) continue;
    std::vector<loop::BufferRef> inputs, outputs;
    for (Value operand : op->operands) inputs.push_back(buffers.at(operand));
    for (size_t i = 0; i < op->results.size(); ++i)
      outputs.push_back(buffers.at(op->result(static_cast<int>(i))));
    const loop::Kernel part = schedule(*op, t.context, inputs, outputs);
    if (count++ == 0) result.name = part.name;
    result.notes.insert(result.notes.end(), part.notes.begin(), part.notes.end());
    result.apart.insert(result.apart.end(), part.apart.begin(), part.apart.end());
    result.flops += part.flops;
    Stmt body = part.body;
    int64_t extent = 1;
    if (body->kind == StmtNode::Kind::loop && body->loop_kind == LoopKind::parallel) {
      extent = *loop::as_integer(body->extent);
      body = loop::let(body->variable, u - units, body->body[0]);
    }
    parts.push_back(loop::branch(u >= loop::integer(units) && u < loop::integer(units + extent), body));
    units += extent;
  }
  result.name += fmt::format(", with {} more", count - 1);
  result.body = loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units),
                           loop::block(std::move(parts)));
  return result;
}

}  // namespace sinter::passes
