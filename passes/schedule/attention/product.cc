#include <algorithm>

#include "passes/schedule/attention/tile.h"
#include "passes/schedule/core/local.h"

// The products of matrices in attention.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

void MatrixProduct::set_depth(int64_t extent, int64_t unroll) {
  depth_unroll = std::clamp<int64_t>(extent, 1, unroll);
  depth = loop::integer(extent);
  most_depth = extent;
}

// LLVM lifts loads above the sums for as long as it sees registers that are free, and spills what is one too
// many: beside 12 sums in 32 registers go the 8 that a step loads, twice. In 16 there is no room to lift
// into.
int64_t AttentionTile::steps_at_once() const {
  constexpr int64_t kMost = 8, kFewRegisters = 16;
  if (target_.vector_registers <= kFewRegisters) return kMost;
  const int64_t sums = 2 * rows_, loaded = rows_ + 2;
  return std::clamp<int64_t>((target_.vector_registers - sums) / loaded, 1, kMost);
}

Stmt AttentionTile::register_tile(const MatrixProduct& p, const Expr& row0, int64_t rows, const Expr& column0,
                                  int64_t lanes, bool bounded) {
  const loop::BufferRef sums = local_buffer(p.name, type(), rows * lanes);
  const auto lane = loader().variable("c_lane", lanes);
  const Expr column = column0 + loop::variable(lane);
  const Expr predicate = bounded ? column < loop::integer(p.columns) : nullptr;
  Lets lets;
  std::vector<Expr> bases;
  for (int64_t i = 0; i < rows; ++i) {
    bases.push_back(lets.add("row", loader().simplify(p.base(row0 + i))));
    loader().ranges()[bases.back()->variable] = {0, p.base_end};
  }
  const auto for_rows = [&](const std::function<Stmt(int64_t i, const Expr& sum)>& body) {
    std::vector<Stmt> all;
    for (int64_t i = 0; i < rows; ++i) all.push_back(body(i, loop::variable(lane) + i * lanes));
    return loop::block(std::move(all));
  };
  const auto vector = [&](Stmt body) {
    return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), std::move(body));
  };
  // Of step `first + t`.
  const auto step = [&](const std::vector<Expr>& from, const Expr& first, const Expr& t) {
    Loader::Scope scope(loader());
    const Expr right = p.right(first + t, column, predicate);
    return for_rows([&](int64_t i, const Expr& sum) {
      const Expr left = p.left(from[static_cast<size_t>(i)], p.advance ? t : first + t);
      return vector(
          loop::store(sums, sum, loop::apply(loop::ScalarOp::fma, {left, right, loop::load(sums, sum)})));
    });
  };
  std::vector<Stmt> body = {
      for_rows([&](int64_t, const Expr& sum) { return vector(loop::store(sums, sum, number(0))); })};
  Expr depth = p.depth;
  if (p.needed_depth) {
    depth = lets.add("depth", loader().simplify(p.needed_depth(row0, rows)));
    loader().ranges()[depth->variable] = {0, p.most_depth + 1};
  }
  const Expr whole = depth / p.depth_unroll, done = whole * p.depth_unroll;
  const auto t = loader().variable("t", p.most_depth / p.depth_unroll);
  const auto unrolled = [&](const std::vector<Expr>& from, const Expr& first, const Expr& begin,
                            int64_t count) {
    const auto inner = loader().variable("t_inner", count);
    const Expr next = loop::variable(inner);
    return loop::loop(LoopKind::unrolled, inner, loop::integer(0), loop::integer(count),
                      step(from, first, begin ? begin + next : next));
  };
  // `depth_unroll` steps; more than twice as many as registers hold what they load are a loop.
  const auto group = [&](const std::vector<Expr>& from, const Expr& first) {
    const int64_t at_once = steps_at_once(), turns = p.depth_unroll / at_once;
    if (turns <= 2) return unrolled(from, first, nullptr, p.depth_unroll);
    const auto turn = loader().variable("t_part", turns);
    std::vector<Stmt> parts = {loop::loop(LoopKind::serial, turn, loop::integer(0), loop::integer(turns),
                                          unrolled(from, first, loop::variable(turn) * at_once, at_once))};
    if (const int64_t rest = p.depth_unroll % at_once; rest > 0)
      parts.push_back(unrolled(from, first, loop::integer(turns * at_once), rest));
    return loop::block(std::move(parts));
  };
  const auto steps = [&](const Expr& first) {
    Lets advanced;
    std::vector<Expr> from = bases;
    if (p.advance) {
      for (Expr& base : from) {
        base = advanced.add("at", p.advance(base, first));
        loader().ranges()[base->variable] = {0, p.base_end};
      }
    }
    const Stmt some = advanced.around(group(from, first));
    return p.needs ? loop::branch(p.needs(row0, first), some) : some;
  };
  if (loop::as_integer(whole) == 1) {
    body.push_back(steps(loop::integer(0)));
  } else {
    body.push_back(
        loop::loop(LoopKind::serial, t, loop::integer(0), whole, steps(loop::variable(t) * p.depth_unroll)));
  }
  if (const Expr rest = depth - done; loop::as_integer(rest) != 0) {
    const auto more = loader().variable("t", p.most_depth);
    body.push_back(
        loop::loop(LoopKind::serial, more, done, rest, step(bases, loop::integer(0), loop::variable(more))));
  }
  {
    Loader::Scope scope(loader());
    body.push_back(for_rows([&](int64_t i, const Expr& sum) {
      const Stmt row = vector(p.finish(row0 + i, column, predicate, loop::load(sums, sum)));
      return p.holds ? loop::branch(p.holds(row0 + i), row) : row;
    }));
  }
  return loop::allocate(sums, lets.around(loop::block(std::move(body))));
}

Stmt AttentionTile::emit(const MatrixProduct& p) {
  const auto rows_by = [&](const Expr& column0, int64_t lanes, bool bounded) {
    std::vector<Stmt> body;
    if (loop::as_integer(p.row_tiles).value_or(1) > 0) {
      const auto tile = loader().variable("row_tile", p.most_tiles);
      Loader::Scope scope(loader());
      body.push_back(
          loop::loop(LoopKind::serial, tile, loop::integer(0),
                     p.needed_tiles ? p.needed_tiles(column0, lanes) : p.row_tiles,
                     register_tile(p, loop::variable(tile) * rows_, rows_, column0, lanes, bounded)));
    }
    if (p.more_rows > 0) {
      Loader::Scope scope(loader());
      body.push_back(register_tile(p, p.row_tiles * rows_, p.more_rows, column0, lanes, bounded));
    }
    return loop::block(std::move(body));
  };
  const int64_t panel = 2 * lanes_, whole = p.columns / panel, rest = p.columns % panel;
  std::vector<Stmt> body;
  if (whole > 0) {
    const auto number = loader().variable("panel", whole);
    Loader::Scope scope(loader());
    body.push_back(loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(whole),
                              rows_by(loop::variable(number) * panel, panel, false)));
  }
  if (rest > 0) {
    int64_t lanes = std::min<int64_t>(lanes_, 4);
    while (lanes < rest) lanes *= 2;
    Loader::Scope scope(loader());
    body.push_back(rows_by(loop::integer(whole * panel), lanes, lanes != rest));
  }
  return loop::block(std::move(body));
}

Stmt AttentionTile::keys_by_queries(const std::string& name, const loop::BufferRef& result,
                                    const QueryRows& rows, const KeyRows& keys, int64_t depth,
                                    const loop::BufferRef& transposed,
                                    const std::function<Expr(const Expr& key, const Expr& w)>& left) {
  MatrixProduct p;
  p.name = name;
  p.row_tiles = keys.tiles;
  p.most_tiles = key_block_ / rows_;
  p.more_rows = keys.more;
  if (keys.seen) {
    p.needed_tiles = [&](const Expr& column, int64_t count) {
      const Expr tiles = (keys.seen(column, count) + (rows_ - 1)) / rows_;
      return loader().simplify(loop::min(tiles, keys.tiles));
    };
  }
  p.columns = columns(rows);
  p.set_depth(depth, steps_at_once());
  p.base = [&](const Expr& row) { return clamped_key(keys.first + row); };
  p.base_end = AttentionCore::keys();
  p.left = left;
  p.right = [&](const Expr& t, const Expr& column, const Expr&) {
    return loop::load(transposed, slot(transposed, t, column));
  };
  p.finish = [&](const Expr& row, const Expr& column, const Expr&, const Expr& value) {
    return loop::store(result, slot(result, row, column), value);
  };
  return emit(p);
}

Stmt AttentionTile::queries_by_width(
    const std::string& name, const QueryRows& rows, const KeyRows& keys, const loop::BufferRef& lines,
    int64_t columns,
    const std::function<Expr(const Expr& key, const Expr& column, const Expr& predicate)>& right,
    const std::function<Stmt(const Expr& row, const Expr& column, const Expr& predicate, const Expr& value)>&
        finish) {
  MatrixProduct p;
  p.name = name;
  p.most_tiles = rows.count / rows_;
  p.row_tiles = loop::integer(p.most_tiles);
  p.more_rows = rows.count % rows_;
  p.columns = columns;
  const int64_t steps = steps_at_once();
  if (const auto count = loop::as_integer(keys.count)) {
    p.set_depth(*count, *count <= 2 * steps ? *count : steps);
  } else {
    p.depth = keys.count;
    p.most_depth = key_block_;
    p.depth_unroll = std::min(steps, rows_);
  }
  if (keys.seen) {
    // In whole groups of steps: the weights of keys that are not seen are zeros.
    p.needed_depth = [&](const Expr& row, int64_t count) {
      const Expr groups = (keys.seen(row, count) + (p.depth_unroll - 1)) / p.depth_unroll;
      return loop::min(groups * p.depth_unroll, keys.count);
    };
  }
  p.base = [&](const Expr& row) { return slot(lines, loop::integer(0), row); };
  p.base_end = lines->size;
  p.advance = [&](const Expr& base, const Expr& t) { return loader().simplify(base + t * panel_); };
  p.left = [&](const Expr& base, const Expr& t) { return loop::load(lines, base + t * panel_); };
  p.right = [&](const Expr& t, const Expr& column, const Expr& predicate) {
    return right(keys.first + t, column, predicate);
  };
  p.finish = finish;
  return emit(p);
}

}  // namespace sinter::passes
