#pragma once

#include <vector>

#include "ir/integers.h"
#include "passes/schedule/attention/core.h"
#include "passes/schedule/core/choice.h"
#include "passes/schedule/core/workgroup_tile.h"

namespace sinter::passes {

// What the schedules of `attention` and `attention_backward` for workgroups share: a workgroup computes
// scores of a block of queries (rows) and a block of keys (columns), each invocation a few of them in
// registers.
class AttentionBlocks : public AttentionCore {
 public:
  // A matrix that a workgroup adds up besides, in registers: a row for each query or key of a block.
  struct Sums {
    bool of_keys = false;
    int64_t columns = 0;
  };
  AttentionBlocks(Template& t, graph::Anchor anchor);

  // A block of queries and of keys: the first ones, and the key after the last; null where no key of the tile
  // is beyond it.
  struct Block {
    loop::Expr query, key, end;
  };
  // A lane's row of scores, and a score in it. `exists`, `valid`: whether the query, and the key too, are
  // there; null where they always are.
  struct Row {
    loop::Expr number;  // in the tile
    loop::Expr query, exists;
  };
  struct Place {
    Row row;
    loop::Expr column;  // in the tile
    loop::Expr key, valid;
  };

  int64_t query_block() const { return query_block_; }
  int64_t key_block() const { return key_block_; }
  int64_t query_blocks() const { return ceil_div(queries(), query_block_); }
  int64_t key_blocks() const { return ceil_div(keys(), key_block_); }
  WorkgroupTile& tile() { return tile_; }
  const LaneGrid& grid() const { return grid_; }

  // How queries and keys are cut.
  struct Sizes {
    int64_t queries = 1, keys = 1;  // of a block
    int64_t chunk = 1;              // steps that are staged at a time
    int64_t row_lanes = 1;          // lanes along the rows of a tile of scores
  };
  // What workgroups hold: the sums of each, and whether there are gradients of what f or g reads.
  struct Held {
    std::vector<std::vector<Sums>> workgroups;
    bool has_extras = false;
  };
  // Blocks as large as the Target lets the workgroup with the most sums hold.
  Numbers best(const Held& held);
  // Comes before all that follows.
  void use(ChoiceReader& read, const Held& held);
  // The grid of such a matrix. Where its rows are queries, a lane has the same ones as of the scores.
  LaneGrid sums_grid(const Sums& sums, const std::string& name);
  loop::BufferRef registers(std::string name, int64_t count) const;

  // The shared memory of a workgroup, allocated around `body`.
  loop::Stmt allocate_shared(loop::Stmt body) const;
  // Tiles with an element for each score, at tile_place(). `extras` only where there are such gradients.
  const loop::BufferRef& weights() const { return weights_; }
  const loop::BufferRef& slopes() const { return slopes_; }
  const loop::BufferRef& extras() const { return extras_; }
  loop::Expr tile_place(const loop::Expr& row, const loop::Expr& column) const;
  loop::Expr tile_place(const Place& at) const { return tile_place(at.row.number, at.column); }
  // Per-row values of a lane, at row_place(): written by their owner; the row's other lanes read what it
  // publishes.
  const loop::BufferRef& row_values(size_t number) const { return row_values_[number]; }
  loop::Expr row_place(const Row& row) const;

  using Element = std::function<loop::Expr(const loop::Expr& line, const loop::Expr& column,
                                           const loop::Expr& predicate)>;
  // tile[query, key] = sum over w of left(query, w) * right(key, w), for the lane's scores.
  loop::Stmt multiply_rows(const Block& block, int64_t depth, const Element& left, const Element& right,
                           const loop::BufferRef& tile);
  // sums += tile * right(key, column), or its transpose * right(query, column) where the sums are of keys;
  // the tile is the weights or slopes.
  loop::Stmt multiply_tile(const Block& block, const Sums& sums, const LaneGrid& sums_grid,
                           const loop::BufferRef& tile, const Element& right, const loop::BufferRef& result);

  loop::Stmt for_rows(const loop::Expr& first_query, const std::function<loop::Stmt(const Row&)>& body);
  loop::Stmt for_places(const Block& block, const Row& row,
                        const std::function<loop::Stmt(const Place&)>& body);
  loop::Expr first_in_row() const { return grid_.first_column < loop::integer(1); }
  // result[0] = what the lanes of a row have given it, combined in their order.
  loop::Stmt gather(const loop::BufferRef& result, size_t values, const Row& row, loop::ScalarOp combine);
  // Whether a row or column of a tile is a query or key of a block.
  loop::Expr query_exists(const loop::Expr& first, const loop::Expr& row) const;
  loop::Expr key_exists(const loop::Expr& first, const loop::Expr& column) const;

 private:
  Sizes sizes_of(int64_t most, int64_t chunk, const Held& held) const;
  void set(const Sizes& sizes, const Held& held);
  bool fits(const Held& held) const;
  std::vector<loop::BufferRef> shared() const;
  LaneGrid unplaced_grid(const Sums& sums) const;

  const loop::Target& target_;
  WorkgroupTile tile_;
  int64_t query_block_ = 1, key_block_ = 1, chunk_ = 1;
  LaneGrid grid_;
  bool is_backward_;
  loop::BufferRef left_stage_, right_stage_, weights_, slopes_, extras_, scores_;
  std::vector<loop::BufferRef> row_values_;
};

}  // namespace sinter::passes
