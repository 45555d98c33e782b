#include "passes/schedule/attention/blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/core/local.h"

namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

constexpr int64_t kMostRows = 32;  // of a tile of scores, and its columns where it has so many rows
constexpr int64_t kMostKeys = 128;
constexpr int64_t kMostChunk = 16;

int64_t odd(int64_t x) {
  return x | 1;
}

}  // namespace

AttentionBlocks::AttentionBlocks(Template& t, graph::Anchor anchor)
    : AttentionCore(t, anchor),
      target_(t.target()),
      tile_(loader(), workgroup_lanes(t.target())),
      is_backward_(anchor == graph::Anchor::attention_backward) {}

LaneGrid AttentionBlocks::unplaced_grid(const Sums& sums) const {
  if (sums.of_keys) return lane_grid(key_block_, sums.columns, tile_.lanes());
  return lane_grid(query_block_, sums.columns, tile_.lanes(), grid_.row_lanes);
}

AttentionBlocks::Sizes AttentionBlocks::sizes_of(int64_t most, int64_t chunk, const Held& held) const {
  Sizes sizes;
  sizes.queries = std::min(queries(), most);
  sizes.keys = std::min(keys(), std::max(most, std::min(kMostKeys, most * most / sizes.queries)));
  sizes.chunk = chunk;
  // Rows of lanes that suit both the scores and what is added up for queries.
  int64_t least = INT64_MAX;
  for (int64_t along = 1; along <= tile_.lanes(); along *= 2) {
    int64_t cost = cost_of(lane_grid(sizes.queries, sizes.keys, tile_.lanes(), along));
    for (const auto& workgroup : held.workgroups) {
      for (const Sums& sums : workgroup) {
        if (!sums.of_keys) cost += cost_of(lane_grid(sizes.queries, sums.columns, tile_.lanes(), along));
      }
    }
    if (cost < least) {
      least = cost;
      sizes.row_lanes = along;
    }
  }
  return sizes;
}

void AttentionBlocks::set(const Sizes& sizes, const Held& held) {
  query_block_ = sizes.queries;
  key_block_ = sizes.keys;
  chunk_ = sizes.chunk;
  grid_ = lane_grid(query_block_, key_block_, tile_.lanes(), sizes.row_lanes);
  int64_t columns = grid_.tile_columns();
  for (const auto& workgroup : held.workgroups) {
    for (const Sums& sums : workgroup) columns = std::max(columns, unplaced_grid(sums).tile_columns());
  }
  const auto make = [&](const char* name, int64_t size) { return shared_buffer(name, type(), size); };
  left_stage_ = make("left_stage", WorkgroupTile::stage_size(chunk_, grid_.tile_rows()));
  right_stage_ = make("right_stage", WorkgroupTile::stage_size(chunk_, columns));
  weights_ = make("weights", grid_.tile_rows() * odd(grid_.tile_columns()));
  slopes_ = make("slopes", is_backward_ ? weights_->size : 0);
  extras_ = make("extras", held.has_extras ? weights_->size : 0);
  row_values_.clear();
  for (int64_t i = 0; i < (is_backward_ ? 2 : 5); ++i) {
    row_values_.push_back(make("rows", grid_.tile_rows() * odd(grid_.column_lanes)));
  }
}

bool AttentionBlocks::fits(const Held& held) const {
  int64_t most = 0, staged = 0;
  for (const auto& workgroup : held.workgroups) {
    int64_t elements = 0;
    for (const Sums& sums : workgroup) elements += unplaced_grid(sums).elements();
    most = std::max(most, elements);
  }
  for (const auto& buffer : shared()) staged += buffer->size;
  const int64_t size = loop::size_in_bytes(type());
  return staged * size <= target_.shared_bytes && (most + grid_.elements()) * size <= target_.local_bytes / 2;
}

std::vector<loop::BufferRef> AttentionBlocks::shared() const {
  std::vector<loop::BufferRef> all = {left_stage_, right_stage_, weights_, slopes_, extras_};
  all.insert(all.end(), row_values_.begin(), row_values_.end());
  return all;
}

Numbers AttentionBlocks::best(const Held& held) {
  const auto found = [&] {
    for (int64_t most = kMostRows; most >= 1; most /= 2) {
      for (int64_t chunk = kMostChunk; chunk >= 4; chunk /= 2) {
        const Sizes sizes = sizes_of(most, chunk, held);
        set(sizes, held);
        if (fits(held)) return sizes;
      }
    }
    return sizes_of(1, 1, held);
  };
  const Sizes sizes = found();
  return {{"queries", {sizes.queries}},
          {"keys", {sizes.keys}},
          {"chunk", {sizes.chunk}},
          {"row_lanes", {sizes.row_lanes}}};
}

void AttentionBlocks::use(ChoiceReader& read, const Held& held) {
  Sizes sizes;
  read.require(target_.has_workgroups(), "the machine has no workgroups");
  sizes.queries = read.number("queries", 1, queries());
  sizes.keys = read.number("keys", 1, keys());
  sizes.chunk = read.number("chunk", 1, kMostKeys);
  sizes.row_lanes = read.number("row_lanes", 1, tile_.lanes());
  read.require(tile_.lanes() % sizes.row_lanes == 0, fmt::format("row_lanes divides {}", tile_.lanes()));
  set(sizes, held);
  // The least is what there is where nothing fits.
  const bool is_least = sizes.queries == 1 && sizes.keys == 1 && sizes.chunk == 1;
  read.require(is_least || fits(held), "the blocks do not fit the machine's memory");
  grid_ = tile_.placed(grid_, "score");
  scores_ = registers("scores", grid_.elements());
}

LaneGrid AttentionBlocks::sums_grid(const Sums& sums, const std::string& name) {
  LaneGrid grid = unplaced_grid(sums);
  if (sums.of_keys) return tile_.placed(grid, name);
  grid.first_row = grid_.first_row;
  grid.first_column = grid_.first_column;
  return grid;
}

loop::BufferRef AttentionBlocks::registers(std::string name, int64_t count) const {
  return local_buffer(std::move(name), type(), count);
}

Stmt AttentionBlocks::allocate_shared(Stmt body) const {
  for (const auto& buffer : shared()) {
    if (buffer->size > 0) body = loop::allocate(buffer, body);
  }
  return body;
}

Expr AttentionBlocks::tile_place(const Expr& row, const Expr& column) const {
  return row * odd(grid_.tile_columns()) + column;
}

Expr AttentionBlocks::row_place(const Row& row) const {
  return row.number * odd(grid_.column_lanes) + grid_.first_column;
}

Stmt AttentionBlocks::multiply_rows(const Block& block, int64_t depth, const Element& left,
                                    const Element& right, const loop::BufferRef& tile) {
  TileProduct p;
  p.grid = grid_;
  p.left = {[&](const Expr& w, const Expr& row, const Expr& predicate) {
              const Expr query = block.query + row;
              Expr there = predicate;
              if (queries() % query_block_ != 0) there = there && query < loop::integer(queries());
              return left(query, w, there);
            },
            query_block_, left_stage_};
  p.right = {[&](const Expr& w, const Expr& column, const Expr& predicate) {
               const Expr key = block.key + column;
               return right(key, w, block.end ? predicate && key < block.end : predicate);
             },
             key_block_, right_stage_};
  p.depth = depth;
  p.chunk = std::min(chunk_, depth);
  p.sums = scores_;
  const Stmt clear = each(grid_.elements(),
                          [&](int64_t slot) { return loop::store(scores_, loop::integer(slot), number(0)); });
  const Stmt keep = each(grid_.elements(), [&](int64_t slot) {
    const Expr place = tile_place(grid_.row(slot / grid_.columns), grid_.column(slot % grid_.columns));
    return loop::store(tile, place, loop::load(scores_, loop::integer(slot)));
  });
  return loop::allocate(scores_, loop::block({clear, tile_.multiply(p), keep}));
}

Stmt AttentionBlocks::multiply_tile(const Block& block, const Sums& sums, const LaneGrid& sums_grid,
                                    const loop::BufferRef& tile, const Element& right,
                                    const loop::BufferRef& result) {
  TileProduct p;
  p.grid = sums_grid;
  p.left.element = [&](const Expr& t, const Expr& row, const Expr&) {
    return loop::load(tile, sums.of_keys ? tile_place(t, row) : tile_place(row, t));
  };
  p.right = {[&](const Expr& t, const Expr& column, const Expr& predicate) {
               if (!sums.of_keys) {
                 const Expr key = block.key + t;
                 return right(key, column, block.end ? predicate && key < block.end : predicate);
               }
               const Expr query = block.query + t;
               Expr there = predicate;
               if (queries() % query_block_ != 0) there = there && query < loop::integer(queries());
               return right(query, column, there);
             },
             sums.columns, right_stage_};
  p.depth = sums.of_keys ? query_block_ : key_block_;
  p.chunk = std::min(chunk_, p.depth);
  p.sums = result;
  return tile_.multiply(p);
}

Expr AttentionBlocks::query_exists(const Expr& first, const Expr& row) const {
  Expr exists;
  if (grid_.tile_rows() != query_block_) exists = row < loop::integer(query_block_);
  if (queries() % query_block_ != 0) exists = exists && first + row < loop::integer(queries());
  return exists;
}

Expr AttentionBlocks::key_exists(const Expr& first, const Expr& column) const {
  Expr exists;
  if (grid_.tile_columns() != key_block_) exists = column < loop::integer(key_block_);
  if (keys() % key_block_ != 0) exists = exists && first + column < loop::integer(keys());
  return exists;
}

Stmt AttentionBlocks::for_rows(const Expr& first_query, const std::function<Stmt(const Row&)>& body) {
  const auto i = loader().variable("i", grid_.rows);
  Loader::Scope scope(loader());
  Row row;
  row.number = grid_.first_row + loop::variable(i);
  row.query = first_query + row.number;
  row.exists = query_exists(first_query, row.number);
  return loop::loop(LoopKind::serial, i, loop::integer(0), loop::integer(grid_.rows), body(row));
}

Stmt AttentionBlocks::for_places(const Block& block, const Row& row,
                                 const std::function<Stmt(const Place&)>& body) {
  const auto j = loader().variable("j", grid_.columns);
  Loader::Scope scope(loader());
  Place place{row, grid_.first_column + loop::variable(j) * grid_.column_lanes, nullptr, row.exists};
  place.key = block.key + place.column;
  if (block.end) place.valid = place.valid && place.key < block.end;
  return loop::loop(LoopKind::serial, j, loop::integer(0), loop::integer(grid_.columns), body(place));
}

Stmt AttentionBlocks::gather(const loop::BufferRef& result, size_t values, const Row& row,
                             loop::ScalarOp combine) {
  const auto lane = loader().variable("other", grid_.column_lanes, 1);
  const auto value = [&](const Expr& other) {
    return loop::load(row_values_[values], row.number * odd(grid_.column_lanes) + other);
  };
  const Expr zero = loop::integer(0), next = value(loop::variable(lane)), before = loop::load(result, zero);
  const Expr combined = combine == loop::ScalarOp::max ? OnlineSoftmax::greater(before, next)
                                                       : loop::apply(combine, {before, next});
  return loop::block(
      {loop::store(result, zero, value(zero)),
       loop::loop(LoopKind::serial, lane, loop::integer(1), loop::integer(grid_.column_lanes - 1),
                  loop::store(result, zero, combined))});
}

}  // namespace sinter::passes
