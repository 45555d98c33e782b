#include <algorithm>

#include "passes/schedule/contract/loops.h"

// Copies of operands in the order in which register tiles read them; what a prologue computes is computed
// here.
//   lhs, contiguous along k      [tile][row][k], or turned, as below
//   lhs, contiguous along m      [tile][k][row]
//   rhs                          [panel][k][column]
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

Expr ContractLoops::lhs_place(const Expr& group_begin, const Expr& tile) const {
  return t_.loader.simplify((tile - group_begin) * (blocks_.rows * blocks_.k_block));
}

Expr ContractLoops::rhs_place(const Unit& unit, const Expr& panel) const {
  return t_.loader.simplify((panel - unit.panel_begin) * (blocks_.width * blocks_.k_block));
}

// An element that is copied some steps later.
Stmt ContractLoops::ahead(const Contraction::Operand& operand, const Unit& unit, const Expr& own,
                          const Expr& k) const {
  return loop::prefetch(operand.buffer, c_.place_of(operand, unit.b, own, k));
}

bool ContractLoops::has_rows_along_k() const {
  return c_.lhs().along_k && !blocks_.turn_lhs;
}

Stmt ContractLoops::turned(const Turned& copy, const Unit& unit, const StepAt& step, int64_t count,
                           int64_t begin, int64_t extent) {
  const auto number = t_.loader.variable(copy.name, extent);
  const Expr own = loop::variable(number) + begin;
  const Stmt vectors = vector("k_lane", lanes_, [&](const Expr& lane) {
    const Expr predicate = count == lanes_ ? nullptr : lane < loop::integer(count);
    const Expr place = copy.place + (step.offset + lane) * copy.stride + own;
    const Stmt store = loop::store(copy.to, t_.loader.simplify(place),
                                   copy.element(copy.first + own, step.first + lane, predicate), predicate);
    if (!copy.fetch) return store;
    const Expr later = step.first + lane + ContractBlocks::kVectorsAhead * lanes_;
    return loop::block({ahead(copy.operand, unit, copy.first + own, later), store});
  });
  // Squares, which a backend can turn in registers, and what is left behind them.
  const bool is_square = count == lanes_ && extent >= copy.least_turned;
  return loop::loop(is_square ? LoopKind::unrolled : LoopKind::serial, number, loop::integer(0),
                    loop::integer(extent), vectors);
}

Stmt ContractLoops::turn_lhs(const Unit& unit, const BlockAt& block, const Expr& tile_begin,
                             const Expr& tile_end) {
  return for_tiles(tile_begin, tile_end, [&](const TileAt& at) {
    return for_steps(block, lanes_, [&](const StepAt& step, int64_t count) {
      const Turned copy = {c_.lhs(),
                           lhs_,
                           "i",
                           at.row,
                           lhs_place(tile_begin, at.tile),
                           at.rows,
                           1,
                           blocks_.fetch_lhs,
                           [&](const Expr& row, const Expr& k, const Expr& predicate) {
                             return c_.lhs_at(unit.b, row, k, predicate);
                           }};
      return turned(copy, unit, step, count, 0, at.rows);
    });
  });
}

Stmt ContractLoops::pack_lhs(const Unit& unit, const BlockAt& block, const Expr& tile_begin,
                             const Expr& tile_end) {
  if (blocks_.turn_lhs) return turn_lhs(unit, block, tile_begin, tile_end);
  if (c_.lhs().along_k) {
    return for_tiles(tile_begin, tile_end, [&](const TileAt& at) {
      const auto i = t_.loader.variable("i", at.rows);
      const Expr row = loop::variable(i);
      Stmt copy = for_steps(block, lanes_, [&](const StepAt& step, int64_t count) {
        return vector("k_lane", lanes_, [&](const Expr& lane) {
          const Expr predicate = count == lanes_ ? nullptr : lane < loop::integer(count);
          const Stmt store = loop::store(
              lhs_,
              t_.loader.simplify(lhs_place(tile_begin, at.tile) + row * blocks_.k_block + step.offset + lane),
              c_.lhs_at(unit.b, at.row + row, step.first + lane, predicate), predicate);
          if (!blocks_.fetch_lhs) return store;
          return loop::block({ahead(c_.lhs(), unit, at.row + row + at.rows, step.first + lane), store});
        });
      });
      return loop::loop(LoopKind::serial, i, loop::integer(0), loop::integer(at.rows), copy);
    });
  }
  // A few rows of lhs at a time, so that they are read in order.
  return for_steps(block, ContractBlocks::kCopiedSteps, [&](const StepAt& step, int64_t count) {
    const Expr row_begin = first_row(tile_begin);
    const auto element = [&](const TileAt& at, const Expr& next, const Expr& row, const Expr& counts) {
      if (!staged_) return c_.lhs_at(unit.b, at.row + row, step.first + next, counts);
      const Expr place = next * staged_stride() + at.row + row - row_begin;
      return loop::load(staged_, t_.loader.simplify(place), counts);
    };
    const Stmt copy = for_tiles(tile_begin, tile_end, [&](const TileAt& at) {
      const auto k = t_.loader.variable("k_inner", count);
      const Expr next = loop::variable(k);
      std::vector<Stmt> pieces;
      for (int64_t done = 0; done < at.rows;) {
        const int64_t left = at.rows - done;
        int64_t lanes = lanes_;
        while (lanes > left && (!t_.target().has_masks || lanes / 2 >= left)) lanes /= 2;
        pieces.push_back(vector("i_lane", lanes, [&](const Expr& lane) {
          const Expr row = lane + done, counts = lanes > left ? lane < loop::integer(left) : nullptr;
          const Expr place = lhs_place(tile_begin, at.tile) + (step.offset + next) * at.rows + row;
          const Stmt store =
              loop::store(lhs_, t_.loader.simplify(place), element(at, next, row, counts), counts);
          if (!blocks_.fetch_lhs) return store;
          return loop::block(
              {ahead(c_.lhs(), unit, at.row + row, step.first + next + ContractBlocks::kCopiedSteps), store});
        }));
        done += lanes;
      }
      return loop::loop(LoopKind::unrolled, k, loop::integer(0), loop::integer(count),
                        loop::block(std::move(pieces)));
    });
    if (!staged_) return copy;
    return loop::block({stage_lhs(unit, step, count, row_begin, first_row(tile_end)), copy});
  });
}

Expr ContractLoops::first_row(const Expr& tile) const {
  return t_.loader.simplify(loop::min(tile * blocks_.rows, tile * (blocks_.rows - 1) + blocks_.taller));
}

int64_t ContractLoops::staged_stride() const {
  return (blocks_.group * blocks_.rows / t_.width() + 1) * t_.width();
}

// What a prologue computes, in whole vectors; tiles are cut out of it.
Stmt ContractLoops::stage_lhs(const Unit& unit, const StepAt& step, int64_t count, const Expr& row_begin,
                              const Expr& row_end) {
  const int64_t width = t_.width();
  const auto k = t_.loader.variable("k_inner", count);
  const auto part = t_.loader.variable("part", staged_stride() / width);
  const Expr next = loop::variable(k), first = loop::variable(part) * width;
  const Stmt compute = vector("row_lane", width, [&](const Expr& lane) {
    const Expr row = t_.loader.simplify(row_begin + first + lane);
    const Expr predicate = row < loop::integer(c_.m());
    return loop::store(staged_, next * staged_stride() + first + lane,
                       c_.lhs_at(unit.b, row, step.first + next, predicate), predicate);
  });
  const Expr parts = t_.loader.simplify((row_end - row_begin + (width - 1)) / width);
  return loop::loop(LoopKind::serial, k, loop::integer(0), loop::integer(count),
                    loop::loop(LoopKind::serial, part, loop::integer(0), parts, compute));
}

Stmt ContractLoops::pack_rhs(const Unit& unit, const BlockAt& block) {
  if (c_.rhs().along_k) {
    return for_panels(unit.panel_begin, unit.panel_end, [&](const PanelAt& at) {
      return for_steps(block, lanes_, [&](const StepAt& step, int64_t count) {
        const Turned copy = {c_.rhs(),
                             rhs_,
                             "j",
                             at.column,
                             rhs_place(unit, at.panel),
                             at.lanes,
                             lanes_,
                             blocks_.fetch_rhs,
                             [&](const Expr& column, const Expr& k, const Expr& predicate) {
                               return c_.rhs_at(unit.b, k, column, predicate);
                             }};
        std::vector<Stmt> parts;
        for (int64_t done = 0; done < at.columns; done += lanes_)
          parts.push_back(turned(copy, unit, step, count, done, std::min(lanes_, at.columns - done)));
        return loop::block(std::move(parts));
      });
    });
  }
  return for_steps(block, ContractBlocks::kCopiedSteps, [&](const StepAt& step, int64_t count) {
    return for_panels(unit.panel_begin, unit.panel_end, [&](const PanelAt& at) {
      const auto k = t_.loader.variable("k_inner", count);
      const Expr next = loop::variable(k);
      const Stmt copy = vector("j_lane", at.lanes, [&](const Expr& lane) {
        const Expr predicate = at.columns == at.lanes ? nullptr : lane < loop::integer(at.columns);
        const Stmt store = loop::store(
            rhs_, t_.loader.simplify(rhs_place(unit, at.panel) + (step.offset + next) * at.lanes + lane),
            c_.rhs_at(unit.b, step.first + next, at.column + lane, predicate));
        if (!blocks_.fetch_rhs) return store;
        return loop::block(
            {ahead(c_.rhs(), unit, at.column + lane, step.first + next + ContractBlocks::kCopiedSteps),
             store});
      });
      return loop::loop(LoopKind::serial, k, loop::integer(0), loop::integer(count), copy);
    });
  });
}

}  // namespace sinter::passes
