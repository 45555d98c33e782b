#include <fmt/format.h>

#include <algorithm>

#include "ir/integers.h"
#include "ir/loop/reducers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/row_passes.h"

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
    make_stash(blocks, locals);
    for (size_t level = 0; level < levels_.size(); ++level) {
      const auto pass = accumulators(level, lanes);
      for (const Accumulator& a : pass) locals.push_back(a.lanes);
      const auto lane = t_.loader.variable("lane", lanes);
      const Expr at = loop::variable(lane);
      body.push_back(
          loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), initialize(pass, at)));
      body.push_back(row_pass(level, lanes, outer, known, pass));
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
    body.push_back(output_pass(lanes, outer, known, sums));
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
  void make_stash(const RowBlocks& blocks, std::vector<loop::BufferRef>& locals) {
    const RowPasses passes(*this, blocks.lanes);
    kept_ = passes.plan(blocks.kept);
    for (size_t pass = 0; pass <= levels_.size(); ++pass) asked_.push_back(passes.asked(blocks.ahead, pass));
    for (const Kept& kept : kept_) {
      if (kept.slot < slots_.size()) continue;
      slots_.push_back(local_buffer(fmt::format("stash{}", kept.slot), loop::from_graph(kept.value.dtype()),
                                    round_up(length(), blocks.lanes)));
      locals.push_back(slots_.back());
    }
  }

  Stmt row_pass(size_t level, int64_t lanes, const Index& outer, const std::vector<Known>& known,
                const std::vector<Accumulator>& pass) {
    return vector_loop(t_.loader, "c", length(), lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      return with_kept(level, outer, at,
                       [&](const Tile&) { return accumulate(pass, outer, at.index, at.lane, at.predicate); });
    });
  }

  // Reads what earlier passes have kept; keeps what this one computes for later ones.
  Stmt with_kept(size_t pass, const Index& outer, const VectorPoint& at,
                 const std::function<Stmt(const Tile&)>& body) {
    std::vector<std::pair<loop::VariableRef, Expr>> lets;
    const auto bind = [&](Value value, std::string_view name, const Expr& expr) {
      const auto variable = loop::make_variable(fmt::format("{}{}", name, lets.size()), expr->type);
      lets.push_back({variable, expr});
      t_.loader.bind(value, loop::variable(variable));
      return loop::variable(variable);
    };
    for (const Kept& kept : kept_) {
      if (kept.first >= pass || kept.last < pass) continue;
      const Expr element = loop::load(slots_[kept.slot], at.index);
      const auto takes_its_memory = [&](const Kept& next) {
        return next.first == pass && next.slot == kept.slot;
      };
      if (std::ranges::any_of(kept_, takes_its_memory)) {
        bind(kept.value, "was", element);
      } else {
        t_.loader.bind(kept.value, element);
      }
    }
    const Tile tile = full_tile(outer, at.index);
    std::vector<Stmt> stmts;
    for (Value value : tile.values()) {
      const auto kept = std::ranges::find(kept_, value, &Kept::value);
      if (kept == kept_.end() || kept->first != pass) continue;
      const Expr element = bind(value, "kept", t_.loader.at(value, *tile.find(value), at.predicate));
      stmts.push_back(loop::store(slots_[kept->slot], at.index, element));
    }
    stmts.push_back(body(tile));
    const Expr here =
        linearize(domain_index(outer, delinearize(at.index, reduced_shape_, t_.loader.ranges())), domain_);
    for (const auto& tensor : asked_[pass])
      stmts.push_back(loop::prefetch(tensor, t_.loader.simplify(here + length())));
    Stmt result = loop::block(std::move(stmts));
    for (size_t i = lets.size(); i-- > 0;) result = loop::let(lets[i].first, lets[i].second, result);
    return result;
  }

  // What is stored for each element of the row, and added to the sums of its columns.
  Stmt output_pass(int64_t lanes, const Index& outer, const std::vector<Known>& known,
                   const std::vector<loop::BufferRef>& sums) {
    const auto list = stores(true);
    bool has_checks = false;
    for (const auto& op : t_.body.ops())
      has_checks |= op->kind() == OpKind::check && !is_row_value(op->result());
    if (list.empty() && sums.empty() && !has_checks) return loop::block({});
    return vector_loop(t_.loader, "c", length(), lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      std::vector<TileStore> all = list;
      for (size_t i = 0; i < sums.size(); ++i) all.push_back({summed(*columns_[i]), sums[i], at.index});
      return with_kept(levels_.size(), outer, at, [&](const Tile& tile) {
        return loop::block({t_.checks(tile, at.predicate), store_tile(t_.loader, tile, all, at.predicate)});
      });
    });
  }

  std::vector<Kept> kept_;
  std::vector<loop::BufferRef> slots_;
  std::vector<std::vector<loop::BufferRef>> asked_;  // by each pass, of the next row
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
  if (!best.ahead.empty()) numbers.emplace_back("ahead", best.ahead);
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
  const RowPasses passes(schedule, blocks.lanes);
  read.require(passes.may_keep(blocks.kept, t.target().local_bytes),
               "keep names what no later pass needs, or more than there is memory for");
  blocks.ahead = read.list("ahead", 0, static_cast<int64_t>(t.body.ops().size()));
  read.require(passes.may_ask(blocks.ahead),
               "ahead names a pass for each tensor that has elements of the rows");
  read.finish();
  return t.finish(reduce_rows(schedule, blocks));
}

}  // namespace

constinit const Schedule kReduceRows = {graph::Anchor::reduce, "reduce.rows", rows_choices, emit_rows};

}  // namespace sinter::passes
