#include <algorithm>

#include "passes/schedule/core/template.h"
#include "passes/schedule/core/workgroup_tile.h"
#include "passes/schedule/schedule.h"
#include "passes/to_workgroups/to_workgroups.h"

// The schedule of `together`: the units of several kernels, one after the other, in one parallel loop.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

bool is_loop(const Stmt& stmt, LoopKind kind) {
  return stmt->kind == StmtNode::Kind::loop && stmt->loop_kind == kind;
}

// A part of a kernel some of whose parts have workgroups that work together.
Stmt as_workgroups(const Stmt& part, int64_t lanes) {
  if (is_loop(part, LoopKind::workgroup)) return part;
  if (is_loop(part, LoopKind::parallel) && *loop::as_integer(part->extent) > 0)
    return over_lanes(part, lanes);
  const auto unit = loop::make_variable("unit");
  return over_lanes(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(1), part), lanes);
}

}  // namespace

loop::Kernel schedule_together(const Op& kernel, ScheduleContext& context) {
  const Template t(kernel, context);
  graph::ValueMap<loop::BufferRef> buffers;
  const auto parameters = t.body.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) buffers[parameters[i]->result()] = t.inputs[i];
  for (size_t i = 0; i < t.body.outputs.size(); ++i) buffers[t.body.outputs[i].value] = t.outputs[i];

  const loop::VariableRef unit = loop::make_variable("unit");
  const Expr u = loop::variable(unit);
  std::vector<Stmt> bodies, parts;
  loop::Kernel result = t.finish(loop::block({}));
  int64_t units = 0;
  for (const auto& op : t.body.ops()) {
    if (op->code != OpCode::kernel) continue;
    std::vector<loop::BufferRef> inputs, outputs;
    for (Value operand : op->operands) inputs.push_back(buffers.at(operand));
    for (size_t i = 0; i < op->results.size(); ++i)
      outputs.push_back(buffers.at(op->result(static_cast<int>(i))));
    bodies.push_back(schedule(*op, t.context, inputs, outputs).body);
  }
  bool has_workgroups =
      std::ranges::any_of(bodies, [](const Stmt& body) { return is_loop(body, LoopKind::workgroup); });
  int64_t lanes = workgroup_lanes(t.target());
  // No workgroup has lanes of two parts, so that it shows what lanes have in common.
  if (!has_workgroups && std::ranges::any_of(bodies, [&](const Stmt& body) {
        return is_loop(body, LoopKind::parallel) && works_by_subgroup(body, t.target());
      })) {
    has_workgroups = true;
    lanes = t.target().subgroup_size;
  }
  for (Stmt body : bodies) {
    if (has_workgroups) body = as_workgroups(body, lanes);
    int64_t extent = 1;
    if (is_loop(body, LoopKind::parallel) || is_loop(body, LoopKind::workgroup)) {
      extent = *loop::as_integer(body->extent);
      body = loop::let(body->variable, u - units, body->body[0]);
    }
    parts.push_back(loop::branch(u >= loop::integer(units) && u < loop::integer(units + extent), body));
    units += extent;
  }
  result.body = loop::loop(has_workgroups ? LoopKind::workgroup : LoopKind::parallel, unit, loop::integer(0),
                           loop::integer(units), loop::block(std::move(parts)));
  return result;
}

}  // namespace sinter::passes
