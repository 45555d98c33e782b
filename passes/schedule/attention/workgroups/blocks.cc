#include "passes/schedule/attention/workgroups/blocks.h"

#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/workgroup.h"

namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kMostFours = 4;  // of a product's steps that are unrolled

}  // namespace

void AttentionBlocks::use(const ScoreGrid& grid, const std::vector<int64_t>& row_lengths,
                          const std::vector<int64_t>& column_lengths, int64_t summed_lines) {
  grid_ = grid;
  lane_variable_ = loader().variable("lane", grid.lanes);
  lane_ = loop::variable(lane_variable_);
  // Teams side by side alternate, so that what lanes read at once are few lines of rows and of columns.
  const bool alternate = grid.teams() > 1;
  const auto name = [&](const char* what, const Expr& value, int64_t end) {
    if (end == 1) return loop::integer(0);
    const Expr named = lets_.add(what, loader().simplify(value));
    loader().ranges()[named->variable] = {0, end};
    return named;
  };
  team_ = name("team", alternate ? lane_ / (2 * grid.team) * 2 + lane_ % 2 : loop::integer(0), grid.teams());
  member_ = name("member", alternate ? lane_ / 2 % grid.team : lane_, grid.team);
  const auto make = [&](const char* what, int64_t lines, int64_t length) {
    return Stage{shared_buffer(what, type(), lines * grid.line(length)), grid.line(length)};
  };
  for (const int64_t length : row_lengths)
    if (grid.stages_rows) row_stages_.push_back(make("row_stage", grid.block_rows(), length));
  if (grid.stages_all) {
    for (const int64_t length : column_lengths)
      column_stages_.push_back(make("column_stage", grid.block_columns(), length));
  } else {
    column_stages_ = {make("column_stage", grid.block_columns(), std::ranges::max(column_lengths))};
  }
  for (size_t i = 0; i < (grid.stages_all ? row_lengths.size() : 1); ++i)
    tiles_.push_back(shared_buffer("tile", type(), grid.block_rows() * grid.tile_line()));
  told_ = shared_buffer("told", type(), std::max(grid.block_rows(), grid.block_columns()) * grid.told_line());
  if (!grid.fetches_ahead) return;
  const int64_t longest = std::ranges::max(column_lengths);
  for (const int64_t length : grid.stages_all ? column_lengths : std::vector{longest})
    fetched_.push_back(registers("fetched", grid.staged_by_lane(length)));
  factors_ = registers("factors", 2 * grid.lines_of_team() * grid.length_of_lane(summed_lines));
}

std::vector<loop::BufferRef> AttentionBlocks::shared() const {
  std::vector<loop::BufferRef> all = tiles_;
  for (const auto* stages : {&row_stages_, &column_stages_})
    for (const Stage& stage : *stages) all.push_back(stage.buffer);
  all.push_back(told_);
  return all;
}

Stmt AttentionBlocks::around(Stmt body) const {
  for (const auto& buffer : fetched_) body = loop::allocate(buffer, body);
  if (factors_ && factors_->size > 0) body = loop::allocate(factors_, body);
  body = loop::loop(LoopKind::lane, lane_variable_, loop::integer(0), loop::integer(grid_.lanes),
                    lets_.around(body));
  for (const auto& buffer : shared()) body = loop::allocate(buffer, body);
  return body;
}

loop::BufferRef AttentionBlocks::registers(std::string name, int64_t count) const {
  return local_buffer(std::move(name), type(), count);
}

Stmt AttentionBlocks::repeat(const loop::VariableRef& variable, int64_t count, LoopKind kind, Stmt body) {
  return loop::loop(kind, variable, loop::integer(0), loop::integer(count), std::move(body));
}

Expr AttentionBlocks::row_in_block(const Expr& number) const {
  return team_ + number * grid_.teams();
}

Expr AttentionBlocks::column_in_block(const Expr& number) const {
  return member_ + number * grid_.team;
}

Expr AttentionBlocks::exists(const Expr& line, bool of_keys, int64_t block) const {
  return extent(of_keys) % block == 0 ? nullptr : line < loop::integer(extent(of_keys));
}

Expr AttentionBlocks::clamped(const Expr& line, bool of_keys, int64_t block) const {
  return extent(of_keys) % block == 0 ? line : loop::min(line, loop::integer(extent(of_keys) - 1));
}

Stmt AttentionBlocks::for_rows(const Block& block, const std::function<Stmt(const Line&)>& body) {
  const auto i = loader().variable("i", grid_.rows);
  Loader::Scope scope(loader());
  Line row{loop::variable(i), row_in_block(loop::variable(i)), nullptr, nullptr};
  row.of_all = block.row + row.in_block;
  row.exists = exists(row.of_all, block.rows_are_keys, grid_.block_rows());
  return repeat(i, grid_.rows, LoopKind::unrolled, body(row));
}

Stmt AttentionBlocks::for_columns(const Block& block, const std::function<Stmt(const Line&)>& body) {
  const auto j = loader().variable("j", grid_.columns);
  Loader::Scope scope(loader());
  Line column{loop::variable(j), column_in_block(loop::variable(j)), nullptr, nullptr};
  column.of_all = block.column + column.in_block;
  column.exists = exists(column.of_all, !block.rows_are_keys, grid_.block_columns());
  return repeat(j, grid_.columns, LoopKind::unrolled, body(column));
}

Stmt AttentionBlocks::for_places(const Block& block, const Line& row,
                                 const std::function<Stmt(const Place&)>& body) {
  return for_columns(block, [&](const Line& column) {
    Place place;
    place.slot = row.number * grid_.columns + column.number;
    place.row = row;
    place.column = column;
    place.query = block.rows_are_keys ? column.of_all : row.of_all;
    place.key = block.rows_are_keys ? row.of_all : column.of_all;
    place.valid = row.exists && column.exists;
    return body(place);
  });
}

AttentionBlocks::Lines AttentionBlocks::query_lines(const Index& outer) {
  return {false, width(), [this, outer](const Expr& query, const Expr& w, const Expr& predicate) {
            return element(parts().q, query_index(outer, query, w), predicate);
          }};
}

AttentionBlocks::Lines AttentionBlocks::key_lines(const Index& outer) {
  return {true, width(), [this, outer](const Expr& key, const Expr& w, const Expr& predicate) {
            return element(parts().k, key_index(outer, key, w), predicate);
          }};
}

AttentionBlocks::Lines AttentionBlocks::value_lines(const Index& outer) {
  return {true, values(), [this, outer](const Expr& key, const Expr& u, const Expr& predicate) {
            return element(parts().v, value_index(outer, key, u), predicate);
          }};
}

Expr AttentionBlocks::bound(Lets& lets, const char* name, const Expr& value, int64_t most) {
  const Expr named = lets.add(name, loader().simplify(value));
  loader().ranges()[named->variable] = {0, most + 1};
  return named;
}

std::pair<Expr, Expr> AttentionBlocks::seen_by(const Index& outer, const Expr& first, int64_t count) {
  return visible_keys(outer, {first, std::min(count, queries())});
}

bool AttentionBlocks::leaves_out() {
  Loader::Scope scope(loader());
  const Index outer(parts().domain.size(), loop::integer(0));
  const auto [low, high] = seen_by(outer, loop::variable(loader().variable("query", queries())), 1);
  return loop::as_integer(low) != 0 || loop::as_integer(high) != keys();
}

Stmt AttentionBlocks::multiply_rows(const Block& block, const Lines& row, size_t which,
                                    const loop::BufferRef& scores) {
  Loader::Scope scope(loader());
  const Stage& stage = column_stage(which);
  const int64_t fours = ceil_div(row.length, 4);
  int64_t unrolled = kMostFours;
  while (fours % unrolled != 0) unrolled /= 2;
  const auto outer = loader().variable("some", fours / unrolled), inner = loader().variable("four", unrolled);
  const Expr w = (loop::variable(outer) * unrolled + loop::variable(inner)) * 4;
  Lets rows, loads;
  std::vector<Expr> left;
  for (int64_t i = 0; i < grid_.rows; ++i) {
    Expr line;
    if (!grid_.stages_rows) {
      const Expr of_all = block.row + row_in_block(loop::integer(i));
      line = rows.add("row", clamped(of_all, row.of_keys, grid_.block_rows()));
      loader().ranges()[line->variable] = {0, extent(row.of_keys)};
    }
    for (int64_t d = 0; d < 4; ++d) {
      Expr x;
      if (grid_.stages_rows) {
        const Stage& lines = row_stages_[which];
        x = loop::load(lines.buffer, (team_ * lines.line + w) + (i * grid_.teams() * lines.line + d));
      } else {
        const bool may_end = row.length % 4 != 0;
        const Expr at = w + d;
        x = row.element(line, at, may_end ? at < loop::integer(row.length) : nullptr);
      }
      left.push_back(loads.add("left", x));
    }
  }
  const Stmt products = each(grid_.columns, [&](int64_t j) {
    Lets columns;
    std::vector<Expr> right;
    for (int64_t d = 0; d < 4; ++d) {
      const Expr place = (member_ * stage.line + w) + (j * grid_.team * stage.line + d);
      right.push_back(columns.add("right", loop::load(stage.buffer, place)));
    }
    return columns.around(each(4 * grid_.rows, [&](int64_t n) {
      const auto d = static_cast<size_t>(n / grid_.rows), i = static_cast<size_t>(n % grid_.rows);
      const Expr slot = loop::integer(static_cast<int64_t>(i) * grid_.columns + j);
      return loop::store(scores, slot,
                         loop::apply(ScalarOp::fma, {left[4 * i + d], right[d], loop::load(scores, slot)}));
    }));
  });
  const Stmt steps = repeat(inner, unrolled, LoopKind::unrolled, loads.around(products));
  return loop::block({clear(scores), rows.around(repeat(outer, fours / unrolled, LoopKind::serial, steps))});
}

Stmt AttentionBlocks::multiply_tile(const loop::BufferRef& tile, int64_t length, size_t which,
                                    const loop::BufferRef& sums) {
  Loader::Scope scope(loader());
  const Stage& stage = column_stage(which);
  const int64_t fours = grid_.block_columns() / 4, unrolled = fours % 2 == 0 ? 2 : 1;
  const int64_t of_lane = grid_.length_of_lane(length);
  const auto outer = loader().variable("some", fours / unrolled), inner = loader().variable("four", unrolled);
  const Expr t = (loop::variable(outer) * unrolled + loop::variable(inner)) * 4;
  Lets loads;
  std::vector<Expr> left;
  for (int64_t i = 0; i < grid_.rows; ++i) {
    for (int64_t u = 0; u < 4; ++u) {
      const Expr place = (team_ * grid_.tile_line() + t) + (i * grid_.teams() * grid_.tile_line() + u);
      left.push_back(loads.add("weight", loop::load(tile, place)));
    }
  }
  // By column and four of its line.
  const Stmt products = each(of_lane, [&](int64_t n) {
    const int64_t u = n / (of_lane / 4), f = n % (of_lane / 4);
    Lets lines;
    std::vector<Expr> right;
    for (int64_t d = 0; d < 4; ++d) {
      const Expr place = (t * stage.line + member_ * 4) + (u * stage.line + f * 4 * grid_.team + d);
      right.push_back(lines.add("right", loop::load(stage.buffer, place)));
    }
    return lines.around(each(4 * grid_.rows, [&](int64_t m) {
      const int64_t i = m / 4, d = m % 4;
      const Expr slot = loop::integer(i * of_lane + f * 4 + d), sum = loop::load(sums, slot);
      return loop::store(sums, slot,
                         loop::apply(ScalarOp::fma, {left[static_cast<size_t>(4 * i + u)],
                                                     right[static_cast<size_t>(d)], sum}));
    }));
  });
  const Stmt steps = repeat(inner, unrolled, LoopKind::unrolled, loads.around(products));
  return repeat(outer, fours / unrolled, LoopKind::serial, steps);
}

Stmt AttentionBlocks::clear(const loop::BufferRef& buffer) const {
  return each(buffer->size,
              [&](int64_t slot) { return loop::store(buffer, loop::integer(slot), number(0)); });
}

Stmt AttentionBlocks::tell(const Line& line, const Expr& value) const {
  return loop::store(told_, line.in_block * grid_.told_line() + member_, value);
}

Expr AttentionBlocks::told(const Line& line, Lets& lets, const Combine& combine) const {
  std::vector<Expr> values;
  for (int64_t i = 0; i < grid_.team; ++i)
    values.push_back(lets.add("told", loop::load(told_, line.in_block * grid_.told_line() + i)));
  while (values.size() > 1) {
    const size_t half = values.size() / 2;
    for (size_t i = 0; i < half; ++i) values[i] = lets.add("of_two", combine(values[i], values[i + half]));
    values.resize(half);
  }
  return values[0];
}

Stmt AttentionBlocks::scale(const loop::BufferRef& sums, int64_t length, const loop::BufferRef& factors) {
  const int64_t of_lane = grid_.length_of_lane(length);
  return each(sums->size, [&](int64_t slot) {
    const Expr place = loop::integer(slot), factor = loop::load(factors, loop::integer(slot / of_lane));
    return loop::store(sums, place, loop::load(sums, place) * factor);
  });
}

Stmt AttentionBlocks::store_sums(const Block& block, const loop::BufferRef& sums, int64_t length,
                                 const loop::BufferRef& to,
                                 const std::function<Expr(const Line& row, const Expr& w)>& place) {
  const int64_t of_lane = grid_.length_of_lane(length);
  return for_rows(block, [&](const Line& row) {
    const auto four = loader().variable("four", of_lane / 4), d = loader().variable("d", 4);
    const Expr begin = member_ * 4 + loop::variable(four) * (4 * grid_.team), w = begin + loop::variable(d);
    const bool by_four = length % 4 == 0;
    Expr inside;
    if (length % (4 * grid_.team) != 0) inside = (by_four ? begin : w) < loop::integer(length);
    const Expr sum = loop::load(sums, row.number * of_lane + loop::variable(four) * 4 + loop::variable(d));
    // Lines of one element have one place for all of a vector's lanes.
    const LoopKind kind = length == 1 ? LoopKind::unrolled : LoopKind::vector;
    Stmt body =
        loop::loop(kind, d, loop::integer(0), loop::integer(4),
                   loop::store(to, loader().simplify(place(row, w)), sum, by_four ? nullptr : inside));
    if (const Expr condition = row.exists && (by_four ? inside : nullptr))
      body = loop::branch(condition, body);
    return repeat(four, of_lane / 4, LoopKind::unrolled, body);
  });
}

}  // namespace sinter::passes
