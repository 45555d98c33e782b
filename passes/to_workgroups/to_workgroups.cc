#include "passes/to_workgroups/to_workgroups.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "ir/error.h"
#include "ir/integers.h"
#include "ir/loop/fold.h"
#include "ir/loop/parts.h"
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
// where there would not be many workgroups, as these are what spreads over a machine. A processor runs one
// after the other.
constexpr int64_t kInvocations = 256, kInvocationsOfProcessor = 64;
constexpr int64_t kManyOfProcessor = 16;

bool has_workgroups(const Stmt& part) {
  const Stmt loop = loop::root_loop(part);
  return loop && loop->loop_kind == LoopKind::workgroup;
}

bool has_loop(const Stmt& stmt) {
  const bool is_serial = stmt->kind == StmtNode::Kind::loop && stmt->loop_kind == LoopKind::serial;
  if (is_serial && loop::as_integer(stmt->extent).value_or(1) > 1) return true;
  return std::any_of(stmt->body.begin(), stmt->body.end(), has_loop);
}

// Whether the lanes of this loop's workgroups are to be one subgroup. A processor runs one workgroup at a
// time, and what its lanes have in common shows where they are a subgroup; a workgroup costs a function call,
// which only bodies with a loop amortise. Where loops end early, lanes that go different ways would add up
// the iterations of both.
bool works_by_subgroup(const Stmt& parallel, const loop::Target& target) {
  return (target.has_subgroup_vectors() || target.has_iteration_limit()) && has_loop(parallel->body[0]);
}

int64_t invocations(const Stmt& parallel, int64_t units, const loop::Target& target) {
  if (works_by_subgroup(parallel, target)) return target.subgroup_size;
  const bool has_multiprocessors = target.kind == loop::Target::Kind::gpu;
  const int64_t many = has_multiprocessors ? target.multiprocessors : kManyOfProcessor;
  int64_t count =
      std::min(has_multiprocessors ? kInvocations : kInvocationsOfProcessor, target.max_workgroup_size);
  while (count > target.subgroup_size && units < count * many) count /= 2;
  return count;
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

// `stmt` without loops that every unit goes through once.
Stmt without_single_turns(const Stmt& stmt, const loop::RangeMap& ranges) {
  StmtNode node = *stmt;
  for (Stmt& child : node.body) child = without_single_turns(child, ranges);
  const bool is_serial = node.kind == StmtNode::Kind::loop && node.loop_kind == LoopKind::serial;
  if (is_serial && loop::as_integer(loop::simplify(node.extent, ranges)) == 1)
    return loop::let(node.variable, node.begin, node.body[0]);
  return std::make_shared<const StmtNode>(std::move(node));
}

// A parallel loop of a constant extent as workgroups of so many lanes.
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

// A part without workgroups, in workgroups of as many lanes as `lanes_of` says for its parallel loop.
Stmt spread(const Stmt& part, const loop::Target& target, const auto& lanes_of) {
  if (part->kind == StmtNode::Kind::allocate)
    return loop::allocate(part->buffer, spread(part->body[0], target, lanes_of));
  if (!loop::root_loop(part)) return part;
  if (loop::units_of(part) == 0) return loop::block({});
  return over_lanes(part, lanes_of(part));
}

// (Where texel buffers are fast, what is in a loop is read from these.)
std::vector<Stmt> without_single_turns(const std::vector<Stmt>& parts, const loop::Target& target) {
  if (target.kind == loop::Target::Kind::gpu_on_cpu) return parts;
  std::vector<Stmt> result;
  for (const Stmt& part : parts) {
    const Stmt loop = loop::root_loop(part);
    const bool is_spread = loop && loop->loop_kind == LoopKind::parallel;
    result.push_back(
        is_spread ? without_single_turns(part, loop::RangeMap{{loop->variable, {0, loop::units_of(part)}}})
                  : part);
  }
  return result;
}

// Where some parts have workgroups already, the first of these says how many lanes the others have. No
// workgroup has lanes of two parts where they work by subgroups, so that it shows what lanes have in common;
// elsewhere parts share one loop, as many of them are smaller than a workgroup.
std::vector<Stmt> spread(const std::vector<Stmt>& all, const loop::Target& target) {
  const std::vector<Stmt> parts = without_single_turns(all, target);
  std::vector<Stmt> result;
  const auto grouped = std::ranges::find_if(parts, has_workgroups);
  const auto by_subgroup = [&](const Stmt& part) {
    const Stmt loop = loop::root_loop(part);
    return loop && works_by_subgroup(loop, target);
  };
  if (grouped == parts.end() && (parts.size() == 1 || std::ranges::none_of(parts, by_subgroup))) {
    const auto lanes = [&](const Stmt& loop) { return invocations(loop, loop::units_of(loop), target); };
    return {scalarize(spread(loop::in_one_loop(parts), target, lanes), false)};
  }
  const int64_t lanes = grouped == parts.end() ? target.subgroup_size : loop::lanes_of(*grouped).value_or(1);
  for (const Stmt& part : parts) {
    const auto same = [&](const Stmt&) { return lanes; };
    const bool is_grouped = has_workgroups(part);
    result.push_back(scalarize(is_grouped ? part : spread(loop::over_units(part), target, same), is_grouped));
  }
  return result;
}

}  // namespace

loop::Kernel to_workgroups(const loop::Kernel& kernel, const loop::Target& target) {
  loop::Kernel result = kernel;
  result.parts = spread(kernel.parts, target);
  return result;
}

loop::Program to_workgroups(const loop::Program& program, const loop::Target& target) {
  loop::Program result = program;
  for (loop::Kernel& kernel : result.kernels) kernel = to_workgroups(kernel, target);
  return result;
}

}  // namespace sinter::passes
