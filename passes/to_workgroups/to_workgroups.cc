#include "passes/to_workgroups/to_workgroups.h"

#include <algorithm>

#include "ir/error.h"
#include "passes/to_workgroups/scalarize.h"

namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

// Invocations of a workgroup: whole subgroups of every machine, enough to hide latency; a single subgroup
// where there would not be many workgroups, as these are what spreads over a machine.
constexpr int64_t kInvocations = 64;
constexpr int64_t kManyWorkgroups = 16;

bool has_workgroups(const Stmt& stmt) {
  if (stmt->kind == StmtNode::Kind::loop && stmt->loop_kind == LoopKind::workgroup) return true;
  return std::any_of(stmt->body.begin(), stmt->body.end(), has_workgroups);
}

int64_t invocations(int64_t units, const loop::Target& target) {
  int64_t count = std::min(kInvocations, target.max_workgroup_size);
  while (count > target.subgroup_size && units < count * kManyWorkgroups) count /= 2;
  return count;
}

Stmt spread(const Stmt& stmt, const loop::Target& target) {
  if (stmt->kind == StmtNode::Kind::allocate || stmt->kind == StmtNode::Kind::let) {
    StmtNode node = *stmt;
    node.body[0] = spread(stmt->body[0], target);
    return std::make_shared<const StmtNode>(std::move(node));
  }
  if (stmt->kind != StmtNode::Kind::loop || stmt->loop_kind != LoopKind::parallel) return stmt;
  const auto units = loop::as_integer(stmt->extent);
  if (!units) throw InternalError("to_workgroups: the extent of a parallel loop is not constant");
  if (*units == 0) return loop::block({});
  return over_lanes(stmt, invocations(*units, target));
}

}  // namespace

Stmt over_lanes(const Stmt& parallel, int64_t lanes) {
  const int64_t units = *loop::as_integer(parallel->extent);
  const auto group = loop::make_variable("group"), lane = loop::make_variable("lane");
  const Expr unit = loop::variable(group) * lanes + loop::variable(lane);
  Stmt body = loop::let(parallel->variable, parallel->begin + unit, parallel->body[0]);
  if (units % lanes != 0) body = loop::branch(unit < loop::integer(units), body);
  body = loop::loop(LoopKind::lane, lane, loop::integer(0), loop::integer(lanes), body);
  return loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer((units + lanes - 1) / lanes),
                    body);
}

loop::Kernel to_workgroups(const loop::Kernel& kernel, const loop::Target& target) {
  loop::Kernel result = kernel;
  if (!has_workgroups(kernel.body)) result.body = spread(kernel.body, target);
  result.body = scalarize(result.body);
  return result;
}

loop::Program to_workgroups(const loop::Program& program, const loop::Target& target) {
  loop::Program result = program;
  for (loop::Kernel& kernel : result.kernels) kernel = to_workgroups(kernel, target);
  return result;
}

}  // namespace sinter::passes
