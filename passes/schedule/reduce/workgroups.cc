#include <algorithm>

#include "ir/loop/reducers.h"
#include "ir/loop/walk.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup_tile.h"
#include "passes/schedule/reduce/reduce.h"

// Rows for workgroups: the schedule of rows for vectors as wide as a workgroup, one row a workgroup, whose
// lanes then become invocations. What they add up lies in shared memory. A lane reduction becomes the same
// tree with a barrier a step, or, for sums where there is subgroup arithmetic, one step of it and a sum over
// subgroups. (The greatest and the least stay with the tree: subgroups do not say what they make of a NaN.)
// What is one a row is computed by all of them and stored by the first.
namespace sinter::passes {

using loop::BufferRef;
using loop::Expr;
using loop::ExprNode;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;

namespace {

class LanesOfWorkgroup : private loop::Rewriter {
 public:
  // `subgroup`: lanes that are added up by subgroup arithmetic.
  LanesOfWorkgroup(ScheduleContext& context, int64_t lanes, int64_t subgroup)
      : context_(context),
        lanes_(lanes),
        subgroup_(subgroup),
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
        share(stmt->buffer->name, stmt->buffer->type, stmt->buffer->size, stmt->buffer);
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
    for (Expr* x : loop::expressions(node)) *x = rewrite(*x);
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
    return s.kind == StmtNode::Kind::store && loop::is_lane_reduction(*s.value);
  }

  bool adds_by_subgroup(const StmtNode& store) const {
    const bool has_sums = store.value->type == loop::Type::f32 || store.value->type == loop::Type::i32;
    return subgroup_ > 1 && has_sums && store.value->op == ScalarOp::lane_sum;
  }

  // Stores of lane reductions, each of what its own buffer holds for the lane.
  Stmt reduce(const Stmt& stores) {
    const std::vector<Stmt> all =
        stores->kind == StmtNode::Kind::block ? stores->body : std::vector<Stmt>{stores};
    const bool by_subgroup =
        std::ranges::all_of(all, [&](const Stmt& store) { return adds_by_subgroup(*store); });
    return by_subgroup ? add_by_subgroup(all) : halve(all);
  }

  // Each subgroup adds up its own; every lane adds up what they found.
  Stmt add_by_subgroup(const std::vector<Stmt>& all) {
    std::vector<Stmt> body = {loop::barrier()}, results;
    for (const Stmt& s : all) {
      const BufferRef buffer = known_as(s->value->args[0]->buffer);
      const BufferRef found = share(buffer->name + "_of_subgroups", buffer->type, lanes_ / subgroup_);
      const auto sum = loop::make_variable("sum", buffer->type);
      const Expr size = loop::constant(static_cast<double>(subgroup_), buffer->type);
      const Stmt keep =
          loop::store(found, lane_ / subgroup_, loop::variable(sum), lane_ % subgroup_ == loop::integer(0));
      body.push_back(
          loop::let(sum, loop::apply(ScalarOp::subgroup_sum, {loop::load(buffer, lane_), size}), keep));
      Expr whole = loop::load(found, loop::integer(0));
      for (int64_t i = 1; i < found->size; ++i) whole = whole + loop::load(found, loop::integer(i));
      results.push_back(loop::store(s->buffer, s->index, whole));
    }
    body.push_back(loop::barrier());
    body.insert(body.end(), results.begin(), results.end());
    return loop::block(std::move(body));
  }

  // Halves of the lanes are combined.
  Stmt halve(const std::vector<Stmt>& all) {
    std::vector<Stmt> body = {loop::barrier()};
    for (int64_t half = lanes_ / 2; half > 0; half /= 2) {
      std::vector<Stmt> steps;
      for (const Stmt& s : all) {
        const BufferRef buffer = known_as(s->value->args[0]->buffer);
        const ScalarOp op = loop::reducer_of_lanes(s->value->op)->combine;
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

  Expr rewrite(const Expr& x) { return Rewriter::operator()(x); }
  Expr rewritten(const ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind != ExprNode::Kind::load) return nullptr;
    return loop::load(known_as(x.buffer), args[0], args.size() > 1 ? args[1] : nullptr);
  }

  // Kernels that run side by side in one have theirs in the same place.
  BufferRef share(const std::string& name, loop::Type type, int64_t size, const BufferRef& local = nullptr) {
    auto& pool = context_.shared;
    const auto same = std::ranges::find_if(pool, [&](const BufferRef& other) {
      return other->name == name && other->type == type && other->size == size;
    });
    const BufferRef buffer = same != pool.end() ? *same : shared_buffer(name, type, size);
    if (same == pool.end()) pool.push_back(buffer);
    const auto is_it = [&](const auto& known) { return known.second == buffer && known.first == local; };
    if (std::ranges::none_of(shared_, is_it)) shared_.emplace_back(local, buffer);
    return buffer;
  }

  BufferRef known_as(const BufferRef& buffer) const {
    const auto it = std::ranges::find(shared_, buffer, &std::pair<BufferRef, BufferRef>::first);
    return it == shared_.end() ? buffer : it->second;
  }

  ScheduleContext& context_;
  int64_t lanes_, subgroup_;
  loop::VariableRef lane_variable_;
  Expr lane_;
  std::vector<std::pair<BufferRef, BufferRef>> shared_;
};

bool has_checks(const graph::Function& body) {
  return std::ranges::any_of(body.ops(), [](const auto& op) { return op->kind() == graph::OpKind::check; });
}

int64_t subgroup_of(int64_t lanes, const loop::Target& target) {
  return target.subgroup_arithmetic ? std::min(target.subgroup_size, lanes) : 1;
}

std::vector<Numbers> workgroups_choices(Template& t) {
  if (!t.target().has_workgroups() || has_checks(t.body)) return {};
  const ReduceSchedule schedule(t);
  if (!schedule.goes_along() || !is_for_workgroup(schedule.rows(), schedule.length(), t.target())) return {};
  const int64_t lanes = workgroup_lanes(t.target());
  return {{{"lanes", {lanes}}, {"subgroup", {subgroup_of(lanes, t.target())}}}};
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  const ReduceSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(t.target().has_workgroups(), "the machine has no workgroups");
  read.require(schedule.goes_along(), "the kernel's last axis is not reduced");
  read.require(!has_checks(t.body), "the kernel has checks");
  const int64_t lanes = read.lanes(t.target().max_workgroup_size);
  const int64_t subgroup = read.number("subgroup", 1, lanes);
  read.require(subgroup == 1 || subgroup == subgroup_of(lanes, t.target()),
               "subgroup is 1, or the machine's where that adds up");
  read.finish();
  const Stmt rows = reduce_rows(schedule, {.lanes = lanes, .unit = 1, .kept = {}});
  return t.finish(LanesOfWorkgroup(t.context, lanes, subgroup).run(rows));
}

}  // namespace

constinit const Schedule kReduceWorkgroups = {graph::Anchor::reduce, "reduce.workgroups", workgroups_choices,
                                              emit_workgroups, true};

}  // namespace sinter::passes
