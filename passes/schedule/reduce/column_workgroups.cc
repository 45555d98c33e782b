#include <fmt/format.h>

#include <algorithm>

#include "ir/integers.h"
#include "ir/loop/reducers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup.h"
#include "passes/schedule/reduce/reduce.h"

// Columns for workgroups: a workgroup has some neighbouring columns and all of their rows. Its lanes form a
// grid: those of a line read neighbours, each four of them where it may, and lines take the rows in turn.
// What lines have added up, lanes combine in shared memory, one lane a column.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

struct ColumnBlocks {
  int64_t lanes = 1;
  int64_t across = 1;  // lanes of a line
  int64_t vector = 1;  // columns that a lane takes at once

  int64_t lines() const { return lanes / across; }
  int64_t columns() const { return across * vector; }
};

class ColumnWorkgroups : public ReduceSchedule {
 public:
  ColumnWorkgroups(const ReduceSchedule& schedule, const ColumnBlocks& blocks)
      : ReduceSchedule(schedule), blocks_(blocks) {}

  // One pass, of which each column's results are all that is made.
  bool suits() const { return levels_.size() == 1 && stores(true).empty(); }

  Stmt run() {
    const int64_t inner = outer_shape_.back(), across = ceil_div(inner, blocks_.columns());
    const int64_t groups = rows() / inner * across;
    const auto group = loader().variable("group", groups);
    const auto lane_variable = loader().variable("lane", blocks_.lanes);
    const Expr g = loop::variable(group);
    lane_ = loop::variable(lane_variable);
    outermost_ = delinearize(loader().simplify(g / across),
                             graph::Shape(outer_shape_.begin(), outer_shape_.end() - 1), loader().ranges());
    const Expr begin = loader().simplify(g % across * blocks_.columns());
    pass_ = accumulators(0, blocks_.vector);
    const auto first = loader().variable("first", inner), line = loader().variable("line", blocks_.lines());
    // Beyond the last columns, those are read again.
    const Expr own = begin + lane_ % blocks_.across * blocks_.vector;
    const Expr last = loop::integer(inner - blocks_.vector);
    const bool is_clamped = inner % blocks_.columns() != 0;
    Stmt body = loop::block(
        {add_up(loop::variable(first), loop::variable(line)), loop::barrier(), finish(begin, inner)});
    for (const Accumulator& a : pass_) body = loop::allocate(a.lanes, body);
    body = loop::let(line, loader().simplify(lane_ / blocks_.across), body);
    body = loop::let(first, is_clamped ? loop::min(own, last) : own, body);
    body = loop::loop(LoopKind::lane, lane_variable, loop::integer(0), loop::integer(blocks_.lanes), body);
    for (const auto& given : given_) body = loop::allocate(given, body);
    return loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body);
  }

 private:
  static constexpr int64_t kAtOnce = 8;  // rows whose loads are under way together

  Loader& loader() const { return t_.loader; }

  Stmt by_vector(const std::function<Stmt(const Expr&)>& make) {
    if (blocks_.vector == 1) return make(loop::integer(0));
    const auto neighbour = loader().variable("neighbour", blocks_.vector);
    return loop::loop(LoopKind::vector, neighbour, loop::integer(0), loop::integer(blocks_.vector),
                      make(loop::variable(neighbour)));
  }

  Stmt row(const Expr& first, const Expr& c) {
    return by_vector([&](const Expr& v) {
      Loader::Scope scope(loader());
      Index outer = outermost_;
      outer.push_back(first + v);
      return accumulate(pass_, outer, c, v, nullptr);
    });
  }

  // Lines take whole turns, and some of them one more row.
  Stmt add_up(const Expr& first, const Expr& line) {
    const int64_t turns = length() / blocks_.lines(), rest = length() % blocks_.lines();
    std::vector<Stmt> body = {by_vector([&](const Expr& v) { return initialize(pass_, v); })};
    const auto unrolled = [&](const Expr& begin, int64_t count) {
      const auto turn = loader().variable("turn", count);
      return loop::loop(LoopKind::unrolled, turn, loop::integer(0), loop::integer(count),
                        row(first, (begin + loop::variable(turn)) * blocks_.lines() + line));
    };
    if (turns > 2 * kAtOnce) {
      const auto some = loader().variable("turns", turns / kAtOnce);
      body.push_back(loop::loop(LoopKind::serial, some, loop::integer(0), loop::integer(turns / kAtOnce),
                                unrolled(loop::variable(some) * kAtOnce, kAtOnce)));
      if (turns % kAtOnce != 0)
        body.push_back(unrolled(loop::integer(turns / kAtOnce * kAtOnce), turns % kAtOnce));
    } else if (turns > 0) {
      body.push_back(unrolled(loop::integer(0), turns));
    }
    if (rest != 0) {
      const auto last = loader().variable("last", length());
      const Stmt more = loop::let(last, line + turns * blocks_.lines(), row(first, loop::variable(last)));
      body.push_back(loop::branch(line < loop::integer(rest), more));
    }
    for (const Accumulator& a : pass_) {
      given_.push_back(share(fmt::format("{}_of_lines", a.lanes->name), a.lanes->type));
      body.push_back(by_vector([&](const Expr& v) {
        return loop::store(given_.back(), lane_ * blocks_.vector + v, loop::load(a.lanes, v));
      }));
    }
    return loop::block(std::move(body));
  }

  // A lane a column: what its lines have, and what follows from that.
  Stmt finish(const Expr& begin, int64_t inner) {
    const auto column = loader().variable("column", inner);
    Index outer = outermost_;
    outer.push_back(loop::variable(column));
    std::vector<Stmt> body;
    std::vector<Known> known;
    std::vector<loop::BufferRef> locals;
    for (size_t i = 0; i < pass_.size(); ++i) {
      std::vector<Expr> all;
      for (int64_t l = 0; l < blocks_.lines(); ++l)
        all.push_back(loop::load(given_[i], lane_ + l * blocks_.columns()));
      for (size_t half; (half = all.size() / 2) > 0; all.resize(all.size() - half)) {
        for (size_t l = 0; l < half; ++l) {
          all[l] = loop::apply(loop::reducer_of(pass_[i].reduction->code).combine,
                               {all[l], all[all.size() - half + l]});
        }
      }
      const auto whole = local_buffer(fmt::format("whole{}", i), given_[i]->type, 1);
      locals.push_back(whole);
      body.push_back(loop::store(whole, loop::integer(0), all[0]));
      known.push_back({pass_[i].reduction->result(), whole});
    }
    body.push_back(derive(outer, loop::integer(0), 1, nullptr, known, locals));
    Loader::Scope scope(loader());
    bind_known(known, loop::integer(0));
    body.push_back(store_tile(loader(), row_tile(outer), stores(false)));
    Stmt result = loop::block(std::move(body));
    for (const auto& buffer : locals) result = loop::allocate(buffer, result);
    result = loop::let(column, begin + lane_, result);
    const Expr has_column =
        blocks_.columns() < blocks_.lanes || inner % blocks_.columns() != 0
            ? lane_ < loop::min(loop::integer(blocks_.columns()), loop::integer(inner) - begin)
            : nullptr;
    return has_column ? loop::branch(has_column, result) : result;
  }

  loop::BufferRef share(const std::string& name, loop::Type type) {
    return pooled_buffer(t_.context, name, type, blocks_.lanes * blocks_.vector);
  }

  const ColumnBlocks blocks_;
  Expr lane_;
  Index outermost_;
  std::vector<Accumulator> pass_;
  std::vector<loop::BufferRef> given_;
};

bool has_checks(const graph::Function& body) {
  return std::ranges::any_of(body.ops(), [](const auto& op) { return op->kind() == graph::OpKind::check; });
}

// Lines of 128 bytes; shorter sums than that are soon done by a lane a column.
std::vector<Numbers> column_workgroups_choices(Template& t) {
  constexpr int64_t kLongSum = 64, kMostLanes = 256, kLine = 32;
  if (!t.target().has_fast_shared() || has_checks(t.body)) return {};
  const ReduceSchedule schedule(t);
  if (schedule.goes_along() || schedule.length() < kLongSum || !ColumnWorkgroups(schedule, {}).suits())
    return {};
  const int64_t vector = schedule.columns() % 4 == 0 ? 4 : 1;
  int64_t across = kLine / vector;
  while (across > 1 && across / 2 * vector >= schedule.columns()) across /= 2;
  std::vector<Numbers> result;
  for (int64_t lanes = kMostLanes; lanes >= across; lanes /= 2) {
    if (lanes <= t.target().max_workgroup_size && across * vector <= lanes)
      result.push_back({{"lanes", {lanes}}, {"across", {across}}, {"vector", {vector}}});
  }
  return result;
}

loop::Kernel emit_column_workgroups(Template& t, const Choice& choice) {
  const ReduceSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(t.target().has_workgroups(), "the machine has no workgroups");
  read.require(!schedule.goes_along(), "the kernel's last axis is reduced");
  read.require(!has_checks(t.body), "the kernel has checks");
  ColumnBlocks blocks;
  blocks.lanes = read.lanes(t.target().max_workgroup_size);
  blocks.across = read.number("across", 1, blocks.lanes);
  read.require(blocks.lanes % blocks.across == 0, "across does not divide lanes");
  blocks.vector = read.number("vector", 1, 4);
  read.require(blocks.vector == 1 || (blocks.vector == 4 && schedule.columns() % 4 == 0),
               "vector is 1, or 4 where it divides the columns");
  read.require(blocks.columns() <= blocks.lanes, "a column of the workgroup has no lane");
  read.finish();
  ColumnWorkgroups columns(schedule, blocks);
  read.require(columns.suits(), "the kernel has more than one pass");
  return t.finish(columns.run());
}

}  // namespace

constinit const Schedule kReduceColumnWorkgroups = {graph::Anchor::reduce, "reduce.column_workgroups",
                                                    column_workgroups_choices, emit_column_workgroups, true};

}  // namespace sinter::passes
