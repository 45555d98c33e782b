#include <algorithm>
#include <unordered_map>

#include "ir/loop/fold.h"
#include "passes/schedule/reduce.h"
#include "passes/schedule/workgroup_tile.h"

// Rows for workgroups: the schedule of rows for vectors as wide as a workgroup, one row a workgroup, whose
// lanes then become invocations. What they add up lies in shared memory, and a lane reduction becomes the
// same tree with a barrier a step; what is one a row is computed by all of them and stored by the first.
namespace sinter::passes {

using loop::BufferRef;
using loop::Expr;
using loop::ExprNode;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;

namespace {

constexpr int64_t kFewRows = 32;       // that leave a machine idle with one invocation each
constexpr int64_t kLongRow = 16 * 64;  // that is worth barriers where shared memory is slow

class LanesOfWorkgroup {
 public:
  LanesOfWorkgroup(ScheduleContext& context, int64_t lanes)
      : context_(context),
        lanes_(lanes),
        lane_variable_(loop::make_variable("lane")),
        lane_(loop::variable(lane_variable_)) {}

  Stmt run(const Stmt& parallel) {
    Stmt body = rewrite(parallel->body[0], false);
    body = loop::loop(LoopKind::lane, lane_variable_, loop::integer(0), loop::integer(lanes_), body);
    for (const auto& [local, shared] : shared_) body = loop::allocate(shared, body);
    return loop::loop(LoopKind::workgroup, parallel->variable, parallel->begin, parallel->extent, body);
  }

 private:
  Stmt rewrite(const Stmt& stmt, bool in_vector) {
    switch (stmt->kind) {
      case StmtNode::Kind::allocate:
        if (stmt->buffer->size == 1) break;
        share(stmt->buffer);
        return rewrite(stmt->body[0], in_vector);
      case StmtNode::Kind::loop:
        if (stmt->loop_kind == LoopKind::vector) return vector(*stmt);
        break;
      case StmtNode::Kind::store: {
        const bool is_once = !in_vector && stmt->buffer->space == loop::Space::global;
        const Expr first = is_once ? lane_ < loop::integer(1) : nullptr;
        return loop::store(known_as(stmt->buffer), rewrite(stmt->index), rewrite(stmt->value),
                           first && rewrite(stmt->condition));
      }
      default:
        break;
    }
    StmtNode node = *stmt;
    for (Stmt& child : node.body) child = rewrite(child, in_vector);
    for (Expr* x : {&node.begin, &node.extent, &node.value, &node.condition}) *x = rewrite(*x);
    return std::make_shared<const StmtNode>(std::move(node));
  }

  Stmt vector(const StmtNode& s) {
    const int64_t width = *loop::as_integer(s.extent);
    if (const Stmt& first = first_of(s.body[0]); is_lane_reduction(*first)) return reduce(s.body[0]);
    const Stmt body = loop::let(s.variable, s.begin + lane_, rewrite(s.body[0], true));
    return width == lanes_ ? body : loop::branch(lane_ < loop::integer(width), body);
  }

  static const Stmt& first_of(const Stmt& stmt) {
    return stmt->kind == StmtNode::Kind::block && !stmt->body.empty() ? stmt->body[0] : stmt;
  }

  static bool is_lane_reduction(const StmtNode& s) {
    if (s.kind != StmtNode::Kind::store || s.value->kind != ExprNode::Kind::apply) return false;
    return s.value->op == ScalarOp::lane_sum || s.value->op == ScalarOp::lane_max ||
           s.value->op == ScalarOp::lane_min;
  }

  // Stores of lane reductions, each of what its own buffer holds for the lane: halves are combined.
  Stmt reduce(const Stmt& stores) {
    const std::vector<Stmt> all =
        stores->kind == StmtNode::Kind::block ? stores->body : std::vector<Stmt>{stores};
    std::vector<Stmt> body = {loop::barrier()};
    for (int64_t half = lanes_ / 2; half > 0; half /= 2) {
      std::vector<Stmt> steps;
      for (const Stmt& s : all) {
        const BufferRef buffer = known_as(s->value->args[0]->buffer);
        const ScalarOp op = s->value->op == ScalarOp::lane_sum   ? ScalarOp::add
                            : s->value->op == ScalarOp::lane_max ? ScalarOp::max
                                                                 : ScalarOp::min;
        const Expr sum = loop::apply(op, {loop::load(buffer, lane_), loop::load(buffer, lane_ + half)});
        steps.push_back(loop::store(buffer, lane_, sum));
      }
      body.push_back(loop::branch(lane_ < loop::integer(half), loop::block(std::move(steps))));
      body.push_back(loop::barrier());
    }
    for (const Stmt& s : all) {
      const Expr result = loop::load(known_as(s->value->args[0]->buffer), loop::integer(0));
      body.push_back(loop::store(s->buffer, s->index, result));
    }
    return loop::block(std::move(body));
  }

  Expr rewrite(const Expr& x) {
    if (!x || x->args.empty()) return x;
    if (const auto it = done_.find(x.get()); it != done_.end()) return it->second;
    std::vector<Expr> args;
    for (const Expr& arg : x->args) args.push_back(rewrite(arg));
    Expr result = x->kind == ExprNode::Kind::load
                      ? loop::load(known_as(x->buffer), args[0], args.size() > 1 ? args[1] : nullptr)
                      : loop::with_args(*x, std::move(args));
    return done_[x.get()] = result;
  }

  // Kernels that run side by side in one have theirs in the same place.
  void share(const BufferRef& local) {
    auto& pool = context_.shared;
    const auto same = std::ranges::find_if(pool, [&](const BufferRef& other) {
      return other->name == local->name && other->type == local->type && other->size == local->size;
    });
    shared_.emplace_back(local,
                         same != pool.end() ? *same : shared_buffer(local->name, local->type, local->size));
    if (same == pool.end()) pool.push_back(shared_.back().second);
  }

  BufferRef known_as(const BufferRef& buffer) const {
    const auto it = std::ranges::find(shared_, buffer, &std::pair<BufferRef, BufferRef>::first);
    return it == shared_.end() ? buffer : it->second;
  }

  ScheduleContext& context_;
  int64_t lanes_;
  loop::VariableRef lane_variable_;
  Expr lane_;
  std::vector<std::pair<BufferRef, BufferRef>> shared_;
  std::unordered_map<const ExprNode*, Expr> done_;
};

bool pays(Template& t, int64_t lanes) {
  const ReduceSchedule schedule(t);
  if (schedule.rows() == 0 || !schedule.goes_along()) return false;
  // A check is noted with its schedule, once.
  const auto is_check = [](const auto& op) { return op->kind() == graph::OpKind::check; };
  if (std::ranges::any_of(t.body.ops(), is_check)) return false;
  const int64_t length = schedule.elements() / schedule.rows();
  return t.target().has_fast_shared ? length >= 2 * lanes : length >= kLongRow && schedule.rows() < kFewRows;
}

}  // namespace

loop::Kernel schedule_reduce_workgroups(Template& t) {
  const int64_t lanes = workgroup_lanes(t.target());
  if (!pays(t, lanes)) return schedule_reduce(t);
  loop::Target vectors = t.target();
  // Rows go by four vectors at a time.
  vectors.vector_bytes = lanes;
  vectors.local_bytes = 0;
  ScheduleContext context{vectors, t.context.faults, t.context.subject};
  Template wide(t.kernel, context, t.inputs, t.outputs);
  return t.finish(LanesOfWorkgroup(t.context, lanes).run(reduce_rows(ReduceSchedule(wide))));
}

}  // namespace sinter::passes
