#include "passes/schedule/attention/tile.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/integers.h"
#include "ir/loop/fold.h"
#include "ir/loop/walk.h"
#include "passes/schedule/core/local.h"

namespace sinter::passes {

using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

constexpr int64_t kMostQueries = 64;
constexpr int64_t kMostTileKeys = 96;
constexpr int64_t kFewVectors = 4;  // of keys, of which none is worth a look whether it is seen
constexpr int64_t kMostTileRows =
    6;  // of a register tile: 12 sums and what they are made from in 16 registers

// So that all of n are in as few parts as `most` allows, about equal.
int64_t part_of(int64_t n, int64_t most) {
  return ceil_div(n, ceil_div(n, most));
}

// The variable that differs between lanes, in the predicate of a query.
Expr lane_of(const Expr& x) {
  if (x->kind == loop::ExprNode::Kind::variable) return x->variable->name == "q_lane" ? x : nullptr;
  for (const Expr& arg : x->args) {
    if (Expr found = lane_of(arg)) return found;
  }
  return nullptr;
}

class IdlePredicates final : public loop::Rewriter {
 public:
  explicit IdlePredicates(Expr predicate) : predicate_(std::move(predicate)), lane_(lane_of(predicate_)) {}

 private:
  Expr rewritten(const loop::ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind != loop::ExprNode::Kind::load || args.size() == 1) return nullptr;
    const bool idle = x.args[1].get() == predicate_.get() && !loop::depends_on(args[0], lane_->variable);
    return loop::load(x.buffer, args[0], idle ? nullptr : x.args[1]);
  }

  Expr predicate_, lane_;
};

}  // namespace

AttentionTile::AttentionTile(Template& t, graph::Anchor anchor)
    : AttentionCore(t, anchor),
      target_(t.target()),
      lanes_(std::max<int64_t>(4, t.target().lanes(loop::size_in_bytes(type())))) {}

AttentionTileSizes AttentionTile::best() const {
  AttentionTileSizes sizes;
  sizes.queries = std::min(kMostQueries, round_up(queries(), lanes_));
  sizes.rows = part_of(keys(), kMostTileRows);
  sizes.keys = round_up(part_of(keys(), kMostTileKeys), sizes.rows);
  sizes.skips = keys() > kFewVectors * lanes_;
  return sizes;
}

Numbers AttentionTile::numbers_of(const AttentionTileSizes& sizes) {
  Numbers numbers = {{"queries", {sizes.queries}}, {"keys", {sizes.keys}}, {"rows", {sizes.rows}}};
  if (sizes.skips) numbers.push_back({"skip", {}});
  return numbers;
}

AttentionTileSizes AttentionTile::read(ChoiceReader& read) const {
  AttentionTileSizes sizes;
  sizes.queries = read.number("queries", lanes_, round_up(queries(), lanes_));
  read.require(sizes.queries % lanes_ == 0, fmt::format("queries is a multiple of {}", lanes_));
  sizes.rows = read.number("rows", 1, std::max<int64_t>(1, target_.vector_registers / 2));
  sizes.keys = read.number("keys", 1, round_up(keys(), sizes.rows));
  read.require(sizes.keys % sizes.rows == 0, "keys is a multiple of rows");
  sizes.skips = read.flag("skip");
  read.require(!target_.has_workgroups(), "the machine has no threads");
  return sizes;
}

void AttentionTile::use(const AttentionTileSizes& sizes) {
  query_block_ = sizes.queries;
  key_block_ = sizes.keys;
  rows_ = sizes.rows;
  panel_ = std::min(2 * lanes_, query_block_);
  skips_ = sizes.skips;
}

Expr AttentionTile::clamped_key(const Expr& key) const {
  return loop::min(key, loop::integer(keys() - 1));
}

Expr AttentionTile::in_lane(Value value, const Index& index, const QueryLane& lane) {
  const Expr x = loader().at(flat(value), index, lane.predicate);
  return lane.predicate ? IdlePredicates(lane.predicate)(x) : x;
}

Stmt AttentionTile::store_row(const loop::BufferRef& buffer, const Expr& place, const Expr& value,
                              const QueryLane& lane) const {
  if (parts().query) return loop::store(buffer, place, value, lane.predicate);
  const Expr first = loop::select(lane.lane < loop::integer(1), value, number(0));
  return loop::store(buffer, place, loop::apply(loop::ScalarOp::lane_sum, {first}));
}

loop::BufferRef AttentionTile::lines(std::string name, int64_t count) const {
  return local_buffer(std::move(name), type(), count * round_up(query_block_, panel_));
}

Expr AttentionTile::slot(const loop::BufferRef& lines, const Expr& line, const Expr& column) const {
  const int64_t count = lines->size / round_up(query_block_, panel_);
  return loader().simplify(column / panel_ * (count * panel_) + line * panel_ + column % panel_);
}

Expr AttentionTile::place(const Index& index, const graph::Shape& shape, const Expr& column,
                          int64_t columns) {
  const Expr place = linearize(index, shape);
  return loader().simplify(columns == 1 ? place + column : place);
}

Stmt AttentionTile::for_queries(const QueryRows& rows, const std::function<Stmt(const QueryLane&)>& body) {
  const int64_t whole = rows.count / lanes_, rest = rows.count % lanes_;
  const auto vector = [&](const Expr& first, const Expr& count) {
    const auto lane = loader().variable("q_lane", lanes_);
    const Expr place = loop::variable(lane), column = first + place;
    const Expr predicate = count ? place < count : nullptr;
    Loader::Scope scope(loader());
    return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes_),
                      body({place, first, column, rows.first + column, predicate}));
  };
  std::vector<Stmt> result;
  if (whole > 0) {
    const auto number = loader().variable("q_vector", whole);
    result.push_back(loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(whole),
                                vector(loop::variable(number) * lanes_, nullptr)));
  }
  if (rest > 0) result.push_back(vector(loop::integer(whole * lanes_), loop::integer(rest)));
  return loop::block(std::move(result));
}

Stmt AttentionTile::for_keys(const Expr& begin, const Expr& extent,
                             const std::function<Stmt(const Expr& key_row)>& body) {
  const auto row = loader().variable("key", key_block_);
  Loader::Scope scope(loader());
  return loop::loop(LoopKind::serial, row, begin, extent, body(loop::variable(row)));
}

KeyRows AttentionTile::with_seen(const Index& outer, const QueryRows& rows, KeyRows keys) {
  if (!skips_) return keys;
  const Expr query = loop::variable(loader().variable("query", rows.count));
  if (!loop::depends_on(visible_keys(outer, {rows.first + query, 1}).second, query->variable)) return keys;
  keys.seen = [this, outer, rows, first = keys.first, count = keys.count](const Expr& from, int64_t n) {
    const Expr high = visible_keys(outer, {rows.first + from, n}).second;
    return loader().simplify(loop::min(loop::max(high - first, loop::integer(0)), count));
  };
  return keys;
}

Expr AttentionTile::seen_by(const KeyRows& keys, const QueryLane& lane) const {
  return keys.seen ? keys.seen(lane.first, lanes_) : keys.count;
}

Stmt AttentionTile::for_keys_seen(const KeyRows& keys, const QueryLane& lane,
                                  const std::function<Stmt(const Expr& key_row)>& body) {
  return for_keys(loop::integer(0), seen_by(keys, lane), body);
}

Stmt AttentionTile::for_keys_beyond(const KeyRows& keys, const QueryLane& lane,
                                    const std::function<Stmt(const Expr& key_row)>& body) {
  const Expr seen = seen_by(keys, lane), extent = keys.tiles * rows_ + keys.more - seen;
  return loop::as_integer(extent) == 0 ? loop::block({}) : for_keys(seen, extent, body);
}

std::pair<Expr, Expr> AttentionTile::needed_keys(const Index& outer, const QueryRows& rows) {
  if (!skips_) return {loop::integer(0), loop::integer(keys())};
  const auto [low, high] = visible_keys(outer, rows);
  return {loader().simplify(low), loader().simplify(high)};
}

bool AttentionTile::is_at_once(const Expr& low, const Expr& high) const {
  return keys() <= key_block_ && loop::as_integer(low) == 0 && loop::as_integer(high) == keys();
}

Stmt AttentionTile::for_key_blocks(const Expr& low, const Expr& high,
                                   const std::function<Stmt(const KeyRows&)>& body) {
  if (is_at_once(low, high)) {
    return body({low, high, loop::integer(keys() / rows_), keys() % rows_});
  }
  Lets bounds;
  const Expr first = bounds.add("low", low), end = bounds.add("high", high);
  loader().ranges()[first->variable] = {0, keys() + 1};
  loader().ranges()[end->variable] = {0, keys() + 1};
  const int64_t most = ceil_div(keys(), key_block_);
  const auto number = loader().variable("key_block", most);
  const Expr blocks = (loop::max(end - first, loop::integer(0)) + (key_block_ - 1)) / key_block_;
  Lets lets;
  const Expr key0 = lets.add("key0", first + loop::variable(number) * key_block_);
  const Expr count = lets.add("keys", loop::min(loop::integer(key_block_), end - key0));
  const Expr tiles = lets.add("key_tiles", (count + (rows_ - 1)) / rows_);
  loader().ranges()[key0->variable] = {0, keys()};
  loader().ranges()[count->variable] = {1, key_block_ + 1};
  loader().ranges()[tiles->variable] = {1, key_block_ / rows_ + 1};
  Loader::Scope scope(loader());
  const Stmt inner = lets.around(body({key0, count, tiles}));
  return bounds.around(loop::loop(LoopKind::serial, number, loop::integer(0), blocks, inner));
}

Stmt AttentionTile::for_query_block(const Expr& block, const std::function<Stmt(const QueryRows&)>& body) {
  const int64_t whole = queries() / query_block_, rest = queries() % query_block_;
  Stmt of_whole, of_rest;
  if (whole > 0) {
    Loader::Scope scope(loader());
    of_whole = body({block * query_block_, query_block_});
  }
  if (rest > 0) {
    Loader::Scope scope(loader());
    of_rest = body({loop::integer(whole * query_block_), rest});
  }
  if (!of_rest) return of_whole;
  if (!of_whole) return of_rest;
  return loop::branch(block < loop::integer(whole), of_whole, of_rest);
}

Stmt AttentionTile::transpose_in(const loop::BufferRef& buffer, const QueryRows& rows, int64_t extent,
                                 const QueryElement& element) {
  constexpr int64_t kUnroll = 4;
  return for_queries(rows, [&](const QueryLane& lane) {
    const auto copy = [&](const Expr& i) {
      Loader::Scope scope(loader());
      return loop::store(buffer, slot(buffer, i, lane.column), element(lane.index, i, lane.predicate));
    };
    const auto number = loader().variable("i", extent / kUnroll),
               inner = loader().variable("i_inner", kUnroll);
    const Stmt some = loop::loop(LoopKind::unrolled, inner, loop::integer(0), loop::integer(kUnroll),
                                 copy(loop::variable(number) * kUnroll + loop::variable(inner)));
    std::vector<Stmt> all;
    if (extent >= kUnroll) {
      all.push_back(
          loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(extent / kUnroll), some));
    }
    for (int64_t i = extent / kUnroll * kUnroll; i < extent; ++i) all.push_back(copy(loop::integer(i)));
    return loop::block(std::move(all));
  });
}

loop::BufferRef AttentionTile::matrix(std::string name, int64_t columns) const {
  return local_buffer(std::move(name), type(), query_block_ * columns);
}

Stmt AttentionTile::clear(const loop::BufferRef& matrix) {
  return vector_loop(loader(), "i", matrix->size, lanes_, [&](const VectorPoint& at) {
    return loop::store(matrix, at.index, number(0), at.predicate);
  });
}

Stmt AttentionTile::for_elements(
    const QueryRows& rows, int64_t columns,
    const std::function<Stmt(const Expr& row, const VectorPoint& column)>& body) {
  const auto row = loader().variable("row", rows.count);
  Loader::Scope scope(loader());
  const Stmt inner = vector_loop(loader(), "column", columns, lanes_, [&](const VectorPoint& column) {
    return body(loop::variable(row), column);
  });
  return loop::loop(LoopKind::serial, row, loop::integer(0), loop::integer(rows.count), inner);
}

Stmt AttentionTile::fill(const loop::BufferRef& buffer, const QueryRows& rows, int64_t extent, double value) {
  const auto i = loader().variable("i", extent);
  return loop::loop(LoopKind::serial, i, loop::integer(0), loop::integer(extent),
                    for_queries(rows, [&](const QueryLane& lane) {
                      return loop::store(buffer, slot(buffer, loop::variable(i), lane.column), number(value));
                    }));
}

}  // namespace sinter::passes
