#include <algorithm>
#include <optional>
#include <unordered_map>

#include "ir/integers.h"
#include "ir/loop/reducers.h"
#include "ir/loop/simplify.h"
#include "ir/loop/walk.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup.h"
#include "passes/schedule/reduce/reduce.h"

// Rows for workgroups: the schedule of rows for vectors as wide as a workgroup, or four times as wide, one
// row a workgroup, whose lanes then become invocations. What a lane adds up, and what it keeps of a row
// between passes, lies in registers of its own. A lane reduction becomes two steps through shared memory:
// some lanes combine what all have, or subgroups add up their own where there is subgroup arithmetic, and
// then every lane what these have found. (The greatest and the least are left to lanes: subgroups do not say
// what they make of a NaN.) What is one a row is computed by all of them and stored by the first.
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
  LanesOfWorkgroup(ScheduleContext& context, const WorkgroupRows& rows, int64_t length)
      : context_(context),
        rows_(rows),
        length_(length),
        lane_variable_(loop::make_variable("lane")),
        first_variable_(loop::make_variable("first")),
        lane_(loop::variable(lane_variable_)),
        first_(rows.vector == 1 ? lane_ : loop::variable(first_variable_)) {}

  Stmt run(const Stmt& parallel) {
    Stmt body = rewrite(parallel->body[0], false);
    if (rows_.vector > 1) body = loop::let(first_variable_, lane_ * rows_.vector, body);
    body = loop::loop(LoopKind::lane, lane_variable_, loop::integer(0), loop::integer(rows_.lanes), body);
    for (const auto& shared : shared_) body = loop::allocate(shared, body);
    return loop::loop(LoopKind::workgroup, parallel->variable, parallel->begin, parallel->extent, body);
  }

 private:
  Stmt rewrite(const Stmt& stmt, bool in_vector) {
    StmtNode node = *stmt;
    switch (stmt->kind) {
      case StmtNode::Kind::allocate:
        if (stmt->buffer->size == 1) break;
        node.buffer = own_[stmt->buffer.get()] =
            local_buffer(stmt->buffer->name, stmt->buffer->type, stmt->buffer->size / rows_.lanes);
        break;
      case StmtNode::Kind::loop:
        if (stmt->loop_kind == LoopKind::vector) return vector(*stmt);
        if (rows_.unrolls && loop::as_integer(stmt->extent).value_or(1) > 1)
          node.loop_kind = LoopKind::unrolled;
        break;
      case StmtNode::Kind::store: {
        const bool is_once = !in_vector && stmt->buffer->space == loop::Space::global;
        const Expr first = is_once ? lane_ < loop::integer(1) : nullptr;
        return loop::store(known_as(stmt->buffer), place_of(stmt->buffer, stmt->index), rewrite(stmt->value),
                           first && rewrite(stmt->condition));
      }
      default:
        break;
    }
    for (Stmt& child : node.body) child = rewrite(child, in_vector);
    for (Expr* x : loop::expressions(node)) *x = rewrite(*x);
    return std::make_shared<const StmtNode>(std::move(node));
  }

  // Lanes take `rows_.vector` neighbours each; a narrower vector at a row's end has some of them.
  Stmt vector(const StmtNode& s) {
    const int64_t width = *loop::as_integer(s.extent);
    if (const Stmt& first = first_of(s.body[0]); is_lane_reduction(*first)) return reduce(s.body[0]);
    vector_ = s.variable;
    // Where a row ends at a multiple of them, lanes are within it with all of their neighbours or with none.
    const int64_t elements = rows_.lanes * rows_.vector, rest = length_ % elements;
    is_last_ = width < elements || has_limit(s.body[0]);
    const bool by_lanes = is_last_ && (width == rest || length_ % rows_.vector == 0);
    drops_limit_ = by_lanes && width > rest;
    Stmt body;
    if (rows_.vector == 1) {
      neighbour_ = nullptr;
      body = rewrite(s.body[0], true);
    } else {
      const auto neighbour = loop::make_variable("neighbour");
      neighbour_ = loop::variable(neighbour);
      body = loop::loop(LoopKind::vector, neighbour, loop::integer(0), loop::integer(rows_.vector),
                        rewrite(s.body[0], true));
    }
    vector_ = nullptr;
    if (!is_last_) return body;
    const int64_t last = ceil_div(by_lanes ? rest : width, rows_.vector);
    return loop::branch(lane_ < loop::integer(last), body);
  }

  static const Stmt& first_of(const Stmt& stmt) {
    return stmt->kind == StmtNode::Kind::block && !stmt->body.empty() ? stmt->body[0] : stmt;
  }

  static bool is_lane_reduction(const StmtNode& s) {
    return s.kind == StmtNode::Kind::store && loop::is_lane_reduction(*s.value);
  }

  bool adds_by_subgroup(const StmtNode& store) const {
    const bool has_sums = store.value->type == loop::Type::f32 || store.value->type == loop::Type::i32;
    return rows_.subgroup > 1 && has_sums && store.value->op == ScalarOp::lane_sum;
  }

  // Stores of lane reductions, each of what its own buffer holds for the lane.
  Stmt reduce(const Stmt& stores) {
    const std::vector<Stmt> all =
        stores->kind == StmtNode::Kind::block ? stores->body : std::vector<Stmt>{stores};
    std::vector<Stmt> give, find, results;
    for (const Stmt& s : all) {
      const bool by_subgroup = adds_by_subgroup(*s);
      const int64_t finders = by_subgroup ? rows_.lanes / rows_.subgroup : some_lanes();
      const BufferRef own = known_as(s->value->args[0]->buffer);
      const ScalarOp op = loop::reducer_of_lanes(s->value->op)->combine;
      const BufferRef given = share(own->name + "_given", own->type, rows_.lanes);
      const BufferRef found = share(own->name + "_found", own->type, finders);
      give.push_back(loop::store(given, lane_, combined(op, own, loop::integer(0), 1, own->size)));
      find.push_back(
          by_subgroup
              ? add_up(given, found)
              : loop::branch(
                    lane_ < loop::integer(finders),
                    loop::store(found, lane_, combined(op, given, lane_, finders, rows_.lanes / finders))));
      results.push_back(
          loop::store(known_as(s->buffer), s->index, combined(op, found, loop::integer(0), 1, finders)));
    }
    return loop::block({loop::block(std::move(give)), loop::barrier(), loop::block(std::move(find)),
                        loop::barrier(), loop::block(std::move(results))});
  }

  // So many that what each combines, and what is combined of theirs, is about as long.
  int64_t some_lanes() const {
    int64_t lanes = 1;
    while (lanes * lanes < rows_.lanes) lanes *= 2;
    return lanes;
  }

  Stmt add_up(const BufferRef& given, const BufferRef& found) const {
    const auto sum = loop::make_variable("sum", given->type);
    const Expr size = loop::constant(static_cast<double>(rows_.subgroup), given->type);
    const Expr is_first = lane_ % rows_.subgroup == loop::integer(0);
    return loop::let(sum, loop::apply(ScalarOp::subgroup_sum, {loop::load(given, lane_), size}),
                     loop::store(found, lane_ / rows_.subgroup, loop::variable(sum), is_first));
  }

  // Elements first, first + stride, ...: those of one half with those of the other.
  static Expr combined(ScalarOp op, const BufferRef& buffer, const Expr& first, int64_t stride,
                       int64_t count) {
    std::vector<Expr> all;
    for (int64_t i = 0; i < count; ++i) all.push_back(loop::load(buffer, first + i * stride));
    while (all.size() > 1) {
      const size_t half = all.size() / 2, rest = all.size() - half;
      for (size_t i = 0; i < half; ++i) all[i] = loop::apply(op, {all[i], all[rest + i]});
      all.resize(rest);
    }
    return all[0];
  }

  Expr rewrite(const Expr& x) { return Rewriter::operator()(x); }
  Expr rewritten(const ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind == ExprNode::Kind::variable && x.variable == vector_)
      return neighbour_ ? first_ + neighbour_ : first_;
    if (x.kind == ExprNode::Kind::load)
      return loop::load(known_as(x.buffer), place_of(x.buffer, x.args[0]),
                        args.size() > 1 ? args[1] : nullptr);
    if (drops_limit_ && is_limit(x)) return loop::boolean(true);
    return nullptr;
  }

  // An index as what a lane's neighbours share and what they differ by; of a buffer of the lane's own, in it.
  Expr place_of(const BufferRef& buffer, const Expr& index) {
    const auto affine = vector_ ? loop::affine_in(index, vector_) : std::nullopt;
    const bool is_own = own_.contains(buffer.get());
    if (!affine || (affine->coefficient == 0 && !is_own)) return rewrite(index);
    const Expr rest = rewrite(affine->rest);
    Expr place = is_own ? loop::simplify(rest / rows_.lanes, {}) : rest + first_ * affine->coefficient;
    return neighbour_ ? place + neighbour_ * affine->coefficient : place;
  }

  // Whether it asks if an element of the row's last vector is within it, as vector_loop does.
  bool is_limit(const ExprNode& x) const {
    if (x.kind != ExprNode::Kind::apply || x.op != ScalarOp::less || loop::as_integer(x.args[1]) != length_)
      return false;
    const auto affine = loop::affine_in(x.args[0], vector_);
    const int64_t begin = length_ - length_ % (rows_.lanes * rows_.vector);
    return affine && affine->coefficient == 1 && loop::as_integer(affine->rest) == begin;
  }

  bool has_limit(const Stmt& stmt) const {
    const auto expressions = loop::expressions(*stmt);
    const auto is_asked = [&](const Expr* x) {
      return *x && loop::any_of(*x, [&](const ExprNode& node) { return is_limit(node); });
    };
    return std::ranges::any_of(expressions, is_asked) ||
           std::ranges::any_of(stmt->body, [&](const Stmt& child) { return has_limit(child); });
  }

  BufferRef share(const std::string& name, loop::Type type, int64_t size) {
    const BufferRef buffer = pooled_buffer(context_, name, type, size);
    if (std::ranges::find(shared_, buffer) == shared_.end()) shared_.push_back(buffer);
    return buffer;
  }

  BufferRef known_as(const BufferRef& buffer) const {
    const auto it = own_.find(buffer.get());
    return it == own_.end() ? buffer : it->second;
  }

  ScheduleContext& context_;
  const WorkgroupRows& rows_;
  int64_t length_;  // of a row
  loop::VariableRef lane_variable_, first_variable_;
  Expr lane_, first_;                                       // the lane, and the first of its neighbours
  std::unordered_map<const loop::Buffer*, BufferRef> own_;  // of a lane, for what all have
  std::vector<BufferRef> shared_;
  // Of the vector loop that is rewritten: its variable, which of a lane's neighbours it is, whether the row
  // ends in it, and whether lanes are told apart so that their elements need not be.
  loop::VariableRef vector_;
  Expr neighbour_;
  bool is_last_ = false, drops_limit_ = false;
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
  if (!schedule.goes_along() || schedule.rows_of_sums() != 0 ||
      !is_for_workgroup(schedule.rows(), schedule.length(), t.target()))
    return {};
  std::vector<Numbers> result;
  for (const WorkgroupRows& rows : choose_workgroup_rows(schedule, t.target())) {
    result.push_back({{"lanes", {rows.lanes}},
                      {"vector", {rows.vector}},
                      {"subgroup", {subgroup_of(rows.lanes, t.target())}}});
    if (rows.unrolls) result.back().emplace_back("unroll", std::vector<int64_t>{});
    if (!rows.kept.empty()) result.back().emplace_back("keep", rows.kept);
  }
  return result;
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  const ReduceSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(t.target().has_workgroups(), "the machine has no workgroups");
  read.require(schedule.goes_along(), "the kernel's last axis is not reduced");
  read.require(schedule.rows_of_sums() == 0, "the kernel sums columns");
  read.require(!has_checks(t.body), "the kernel has checks");
  WorkgroupRows rows;
  rows.lanes = read.lanes(t.target().max_workgroup_size);
  rows.vector = read.number("vector", 1, 4);
  read.require(rows.vector == 1 || rows.vector == 4, "vector is 1 or 4");
  rows.subgroup = read.number("subgroup", 1, rows.lanes);
  read.require(rows.subgroup == 1 || rows.subgroup == subgroup_of(rows.lanes, t.target()),
               "subgroup is 1, or the machine's where that adds up");
  rows.unrolls = read.flag("unroll");
  rows.kept = read.list("keep", 0, static_cast<int64_t>(t.body.ops().size()) - 1);
  read.require(may_keep(schedule, rows, t.target()),
               "keep names what no later pass needs, or more than there are registers for");
  read.finish();
  const Stmt loops = reduce_rows(schedule, {.lanes = rows.lanes * rows.vector, .unit = 1, .kept = rows.kept});
  return t.finish(LanesOfWorkgroup(t.context, rows, schedule.length()).run(loops));
}

}  // namespace

constinit const Schedule kReduceWorkgroups = {graph::Anchor::reduce, "reduce.workgroups", workgroups_choices,
                                              emit_workgroups, true};

}  // namespace sinter::passes
