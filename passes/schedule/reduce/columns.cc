#include <algorithm>

#include "passes/schedule/core/schedules.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/sum_blocks.h"

// Vectors across rows: each lane has a row of its own.
namespace sinter::passes {

using graph::Shape;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

class Columns : public ReduceSchedule {
 public:
  explicit Columns(const ReduceSchedule& schedule) : ReduceSchedule(schedule) {}

  Stmt run(int64_t lanes) {
    const int64_t rows = this->rows();
    const int64_t length = graph::element_count(reduced_shape_);
    const int64_t inner = outer_shape_.back();
    const Shape outermost(outer_shape_.begin(), outer_shape_.end() - 1);
    const int64_t blocks = (inner + lanes - 1) / lanes;
    const int64_t units = rows / inner * blocks;
    const auto unit = t_.loader.variable("unit", units);
    const auto lane = t_.loader.variable("lane", lanes);
    const Expr at = lanes == 1 ? loop::integer(0) : loop::variable(lane);
    const Expr u = loop::variable(unit);
    Index outer = delinearize(loop::simplify(u / blocks, t_.loader.ranges()), outermost, t_.loader.ranges());
    const Expr column = loop::simplify(u % blocks, t_.loader.ranges()) * lanes + at;
    outer.push_back(column);
    const Expr predicate = inner % lanes == 0 ? nullptr : column < loop::integer(inner);
    const auto vector = [&](Stmt body) {
      if (lanes == 1) return body;
      return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), std::move(body));
    };

    std::vector<Stmt> body;
    std::vector<loop::BufferRef> locals;
    std::vector<Known> known;
    const auto along = [&](LoopKind kind, const std::function<Stmt(const Expr&)>& make) {
      Loader::Scope scope(t_.loader);
      const auto c = t_.loader.variable("c", length);
      bind_known(known, at);
      return loop::loop(kind, c, loop::integer(0), loop::integer(length), vector(make(loop::variable(c))));
    };
    // Of a few rows, all loads are under way at once.
    constexpr int64_t kRowsAtOnce = 32;
    const bool is_unrolled = t_.target().has_fast_shared() && length > 1 && length <= kRowsAtOnce;
    const LoopKind kind = is_unrolled ? LoopKind::unrolled : LoopKind::serial;
    for (size_t level = 0; level < levels_.size(); ++level) {
      auto pass = accumulators(level, lanes);
      for (const Accumulator& a : pass) locals.push_back(a.lanes);
      body.push_back(vector(initialize(pass, at)));
      const bool has_sum =
          std::any_of(pass.begin(), pass.end(), [](const Accumulator& a) { return a.is_sum(); });
      if (has_sum && sum_block(length) < length) {
        const std::vector<Accumulator> wholes = accumulators(level, lanes, "whole");
        for (const Accumulator& whole : wholes) locals.push_back(whole.lanes);
        body.push_back(vector(initialize(wholes, at)));
        Loader::Scope scope(t_.loader);
        bind_known(known, at);
        const Stmt end = vector(loop::block({add(pass, wholes, at), initialize(pass, at)}));
        body.push_back(loop_in_blocks(
            t_.loader, length,
            [&](const Expr& c) { return vector(accumulate(pass, outer, c, at, predicate)); }, end));
        pass = wholes;
      } else {
        body.push_back(along(kind, [&](const Expr& c) { return accumulate(pass, outer, c, at, predicate); }));
      }
      for (const Accumulator& a : pass) known.push_back({a.reduction->result(), a.lanes});
      body.push_back(vector(derive(outer, at, lanes, predicate, known, locals)));
    }
    {
      Loader::Scope scope(t_.loader);
      bind_known(known, at);
      const Tile tile = row_tile(outer);
      std::vector<Stmt> row = {t_.checks(tile, predicate)};
      if (const auto list = stores(false); !list.empty()) {
        row.push_back(store_tile(t_.loader, tile, list, predicate));
      }
      body.push_back(vector(loop::block(std::move(row))));
    }
    if (const auto list = stores(true); !list.empty()) {
      body.push_back(along(LoopKind::serial, [&](const Expr& c) {
        const Tile tile = full_tile(outer, c);
        return loop::block({t_.checks(tile, predicate), store_tile(t_.loader, tile, list, predicate)});
      }));
    }
    Stmt loops = loop::block(std::move(body));
    for (const auto& buffer : locals) loops = loop::allocate(buffer, loops);
    return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
  }
};

// A vector, or two; of few columns as many lanes as they are.
std::vector<Numbers> columns_choices(Template& t) {
  const ReduceSchedule schedule(t);
  if (schedule.goes_along()) return {};
  const int64_t columns = schedule.columns();
  int64_t lanes = t.lanes();
  if (columns == 1) {
    lanes = 1;
  } else if (columns < lanes) {
    lanes = 4;
    while (lanes < columns) lanes *= 2;
  } else if (columns >= t.width()) {
    lanes = t.width();
  }
  return {{{"lanes", {lanes}}}};
}

loop::Kernel emit_columns(Template& t, const Choice& choice) {
  const ReduceSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(!schedule.goes_along(), "the kernel's last axis is reduced");
  const int64_t lanes = read.lanes(kMostVectors * t.lanes());
  read.finish();
  return t.finish(Columns(schedule).run(lanes));
}

}  // namespace

constinit const Schedule kReduceColumns = {graph::Anchor::reduce, "reduce.columns", columns_choices,
                                           emit_columns};

}  // namespace sinter::passes
