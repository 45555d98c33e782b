#include <fmt/format.h>

#include <algorithm>

#include "ir/integers.h"
#include "ir/loop/reducers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/reduce/reduce.h"

// Vectors along the row. What several passes need is kept where that is cheaper; columns are summed in the
// last one.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

class Rows : public ReduceSchedule {
 public:
  explicit Rows(const ReduceSchedule& schedule) : ReduceSchedule(schedule) {}

  Stmt run(const RowBlocks& blocks) {
    const int64_t rows = this->rows(), length = this->length();
    const int64_t lanes = blocks.lanes, rows_a_unit = blocks.unit;
    const int64_t units = ceil_div(rows, rows_a_unit);
    const auto unit = t_.loader.variable("unit", units);
    const auto row = t_.loader.variable("row", rows);
    const Index outer = delinearize(loop::variable(row), outer_shape_, t_.loader.ranges());

    std::vector<Stmt> body;
    std::vector<loop::BufferRef> locals;
    std::vector<Known> known;
    graph::ValueMap<loop::BufferRef> stash;
    make_stash(blocks.kept, length, lanes, stash, locals);
    graph::ValueMap<bool> stashed;
    for (size_t level = 0; level < levels_.size(); ++level) {
      const auto pass = accumulators(level, lanes);
      for (const Accumulator& a : pass) locals.push_back(a.lanes);
      const auto lane = t_.loader.variable("lane", lanes);
      const Expr at = loop::variable(lane);
      body.push_back(
          loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), initialize(pass, at)));
      body.push_back(row_pass(length, lanes, outer, known, stash, stashed, pass));
      std::vector<Stmt> finish;
      for (const Accumulator& a : pass) {
        const auto result = local_buffer(fmt::format("known{}", known.size()), a.lanes->type, 1);
        locals.push_back(result);
        known.push_back({a.reduction->result(), result});
        finish.push_back(
            loop::store(result, loop::integer(0),
                        loop::apply(loop::reducer_of(a.reduction->code).lanes, {loop::load(a.lanes, at)})));
      }
      body.push_back(loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes),
                                loop::block(std::move(finish))));
      body.push_back(derive(outer, loop::integer(0), 1, nullptr, known, locals));
    }
    {
      Loader::Scope scope(t_.loader);
      bind_known(known, loop::integer(0));
      const Tile tile = row_tile(outer);
      if (const auto list = stores(false); !list.empty()) body.push_back(store_tile(t_.loader, tile, list));
      body.push_back(t_.checks(tile));
    }
    const std::vector<loop::BufferRef> sums = column_sums(length, lanes);
    body.push_back(output_pass(length, lanes, outer, known, stash, stashed, sums));
    Stmt loops = loop::block(std::move(body));
    for (const auto& buffer : locals) loops = loop::allocate(buffer, loops);
    loops =
        loop::loop(LoopKind::serial, row, loop::variable(unit) * rows_a_unit,
                   t_.loader.simplify(loop::min(loop::integer(rows_a_unit),
                                                loop::integer(rows) - loop::variable(unit) * rows_a_unit)),
                   loops);
    if (!sums.empty()) loops = with_column_sums(sums, length, lanes, loop::variable(unit), loops);
    return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
  }

 private:
  // A unit's sums of its rows' columns, in memory of its own.
  std::vector<loop::BufferRef> column_sums(int64_t length, int64_t lanes) const {
    std::vector<loop::BufferRef> sums;
    for (const Op* sum : columns_) {
      sums.push_back(local_buffer(fmt::format("sum{}", sums.size()), loop::from_graph(sum->results[0].dtype),
                                  (length + lanes - 1) / lanes * lanes));
    }
    return sums;
  }

  Stmt with_column_sums(const std::vector<loop::BufferRef>& sums, int64_t length, int64_t lanes,
                        const Expr& unit, Stmt loops) {
    const Stmt begin = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      std::vector<Stmt> zeros;
      for (const auto& sum : sums) zeros.push_back(loop::store(sum, at.index, loop::constant(0, sum->type)));
      return loop::block(std::move(zeros));
    });
    const Stmt end = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      std::vector<Stmt> stores;
      for (const TileStore& store : t_.stores()) {
        const auto it = std::find(columns_.begin(), columns_.end(), store.value.op);
        if (it == columns_.end()) continue;
        const auto& sum = sums[static_cast<size_t>(it - columns_.begin())];
        stores.push_back(
            loop::store(store.buffer, unit * length + at.index, loop::load(sum, at.index), at.predicate));
      }
      return loop::block(std::move(stores));
    });
    Stmt result = loop::block({begin, std::move(loops), end});
    for (const auto& sum : sums) result = loop::allocate(sum, result);
    return result;
  }

  // Memory for the values that are kept.
  void make_stash(const std::vector<int64_t>& kept, int64_t length, int64_t lanes,
                  graph::ValueMap<loop::BufferRef>& stash, std::vector<loop::BufferRef>& locals) const {
    for (const int64_t place : kept) {
      const Value value = t_.body.ops()[static_cast<size_t>(place)]->result();
      stash[value] = local_buffer(fmt::format("stash{}", stash.size()), loop::from_graph(value.dtype()),
                                  round_up(length, lanes));
      locals.push_back(stash[value]);
    }
  }

  Stmt row_pass(int64_t length, int64_t lanes, const Index& outer, const std::vector<Known>& known,
                const graph::ValueMap<loop::BufferRef>& stash, graph::ValueMap<bool>& stashed,
                const std::vector<Accumulator>& pass) {
    graph::ValueMap<bool> now;
    Stmt result = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      return with_stash(outer, at.index, at.predicate, stash, stashed, now, roots(pass),
                        [&] { return accumulate(pass, outer, at.index, at.lane, at.predicate); });
    });
    for (const auto& [value, flag] : now) stashed[value] = flag;
    return result;
  }

  static std::vector<Value> roots(const std::vector<Accumulator>& pass) {
    std::vector<Value> values;
    for (const Accumulator& a : pass) values.push_back(a.reduction->operands[0]);
    return values;
  }

  // Binds what earlier passes have stashed; stores what this one computes for later ones.
  Stmt with_stash(const Index& outer, const Expr& c, const Expr& predicate,
                  const graph::ValueMap<loop::BufferRef>& stash, const graph::ValueMap<bool>& stashed,
                  graph::ValueMap<bool>& now, const std::vector<Value>& wanted,
                  const std::function<Stmt()>& body) {
    std::vector<std::pair<loop::VariableRef, Expr>> lets;
    std::vector<Stmt> keep;
    if (!stash.empty()) {
      const Tile tile = full_tile(outer, c);
      for (Value value : tile.values()) {
        const auto it = stash.find(value);
        if (it == stash.end()) continue;
        if (stashed.contains(value)) {
          t_.loader.bind(value, loop::load(it->second, c));
        } else if (needs(wanted, value)) {
          const Expr expr = t_.loader.at(value, *tile.find(value), predicate);
          const auto variable = loop::make_variable(fmt::format("kept{}", lets.size()), expr->type);
          lets.push_back({variable, expr});
          t_.loader.bind(value, loop::variable(variable));
          keep.push_back(loop::store(it->second, c, loop::variable(variable)));
          now[value] = true;
        }
      }
    }
    keep.push_back(body());
    Stmt result = loop::block(std::move(keep));
    for (size_t i = lets.size(); i-- > 0;) result = loop::let(lets[i].first, lets[i].second, result);
    return result;
  }

  static bool needs(const std::vector<Value>& roots, Value target) {
    std::vector<Value> pending = roots;
    graph::ValueMap<bool> seen;
    while (!pending.empty()) {
      const Value value = pending.back();
      pending.pop_back();
      if (value == target) return true;
      if (seen[value] || value.op->kind() == OpKind::reduction) continue;
      seen[value] = true;
      for (Value operand : value.op->operands) pending.push_back(operand);
    }
    return false;
  }

  // What is stored for each element of the row, and added to the sums of its columns.
  Stmt output_pass(int64_t length, int64_t lanes, const Index& outer, const std::vector<Known>& known,
                   const graph::ValueMap<loop::BufferRef>& stash, const graph::ValueMap<bool>& stashed,
                   const std::vector<loop::BufferRef>& sums) {
    const auto list = stores(true);
    bool has_checks = false;
    for (const auto& op : t_.body.ops())
      has_checks |= op->kind() == OpKind::check && !is_row_value(op->result());
    if (list.empty() && sums.empty() && !has_checks) return loop::block({});
    return vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      for (const auto& [value, buffer] : stash) {
        if (stashed.contains(value)) t_.loader.bind(value, loop::load(buffer, at.index));
      }
      std::vector<TileStore> all = list;
      for (size_t i = 0; i < sums.size(); ++i) all.push_back({summed(*columns_[i]), sums[i], at.index});
      const Tile tile = full_tile(outer, at.index);
      return loop::block({t_.checks(tile, at.predicate), store_tile(t_.loader, tile, all, at.predicate)});
    });
  }
};

}  // namespace

Stmt reduce_rows(const ReduceSchedule& schedule, const RowBlocks& blocks) {
  return Rows(schedule).run(blocks);
}

namespace {

std::vector<Numbers> rows_choices(Template& t) {
  const ReduceSchedule schedule(t);
  if (!schedule.goes_along()) return {};
  const RowBlocks best = choose_rows(schedule, t.target());
  Numbers numbers = {{"lanes", {best.lanes}}, {"rows", {best.unit}}};
  if (!best.kept.empty()) numbers.emplace_back("keep", best.kept);
  return {numbers};
}

loop::Kernel emit_rows(Template& t, const Choice& choice) {
  const ReduceSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(schedule.goes_along(), "the kernel's last axis is not reduced");
  RowBlocks blocks;
  blocks.lanes = read.lanes(kMostVectors * t.lanes());
  blocks.unit = read.number("rows", 1, kMostOfUnit);
  read.require(schedule.rows_of_sums() == 0 || schedule.rows_of_sums() == blocks.unit,
               fmt::format("rows is {}, as columns are summed so", schedule.rows_of_sums()));
  blocks.kept = read.list("keep", 0, static_cast<int64_t>(t.body.ops().size()) - 1);
  read.require(may_keep(schedule, blocks, t.target()),
               "keep names what no later pass needs, or more than there is memory for");
  read.finish();
  return t.finish(reduce_rows(schedule, blocks));
}

}  // namespace

constinit const Schedule kReduceRows = {graph::Anchor::reduce, "reduce.rows", rows_choices, emit_rows};

}  // namespace sinter::passes
