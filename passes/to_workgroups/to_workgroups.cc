#include "passes/to_workgroups/to_workgroups.h"

#include <algorithm>
#include <unordered_map>

#include "ir/error.h"
#include "ir/integers.h"
#include "ir/loop/fold.h"
#include "ir/loop/simplify.h"
#include "ir/loop/walk.h"
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

bool has_loop(const Stmt& stmt) {
  const bool is_serial = stmt->kind == StmtNode::Kind::loop && stmt->loop_kind == LoopKind::serial;
  if (is_serial && loop::as_integer(stmt->extent).value_or(1) > 1) return true;
  return std::any_of(stmt->body.begin(), stmt->body.end(), has_loop);
}

int64_t invocations(const Stmt& parallel, int64_t units, const loop::Target& target) {
  if (works_by_subgroup(parallel, target)) return target.subgroup_size;
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
  return over_lanes(stmt, invocations(stmt, *units, target));
}

// `stmt` with `from` replaced, and what depends on it simplified: an index that is the same in all lanes of a
// workgroup shows that it is.
class Replace final : public loop::Rewriter {
 public:
  Replace(loop::VariableRef from, Expr to, loop::RangeMap ranges)
      : from_(std::move(from)), to_(std::move(to)), ranges_(std::move(ranges)) {}

 private:
  Expr rewritten(const loop::ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind == loop::ExprNode::Kind::variable) return x.variable == from_ ? to_ : nullptr;
    if (std::ranges::equal(args, x.args, {}, &Expr::get, &Expr::get)) return nullptr;
    if (x.kind == loop::ExprNode::Kind::load) {
      std::vector<Expr> simpler = args;
      simpler[0] = loop::simplify(args[0], ranges_);
      return loop::with_args(x, std::move(simpler));
    }
    const bool is_index = x.type == loop::Type::index && is_division(x);
    return is_index ? loop::simplify(loop::with_args(x, args), ranges_) : nullptr;
  }
  static bool is_division(const loop::ExprNode& x) {
    return x.kind == loop::ExprNode::Kind::apply &&
           (x.op == loop::ScalarOp::div || x.op == loop::ScalarOp::rem);
  }

  loop::VariableRef from_;
  Expr to_;
  loop::RangeMap ranges_;
};

}  // namespace

Stmt over_lanes(const Stmt& parallel, int64_t lanes) {
  const int64_t units = *loop::as_integer(parallel->extent);
  const auto group = loop::make_variable("group"), lane = loop::make_variable("lane");
  const Expr unit = loop::variable(group) * lanes + loop::variable(lane);
  const int64_t groups = ceil_div(units, lanes);
  Replace replace(parallel->variable, parallel->begin + unit, {{group, {0, groups}}, {lane, {0, lanes}}});
  Stmt body = replace(parallel->body[0]);
  if (units % lanes != 0) body = loop::branch(unit < loop::integer(units), body);
  body = loop::loop(LoopKind::lane, lane, loop::integer(0), loop::integer(lanes), body);
  return loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body);
}

bool works_by_subgroup(const Stmt& parallel, const loop::Target& target) {
  return (target.has_subgroup_vectors() || target.has_iteration_limit()) && has_loop(parallel->body[0]);
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
