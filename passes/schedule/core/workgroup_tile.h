#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/loop/target.h"
#include "passes/schedule/core/loader.h"

// What schedules for workgroups share: a tile of a matrix spread over the invocations of a workgroup, and
// products of matrices whose operands are staged in shared memory.
namespace sinter::passes {

// Invocations of a workgroup that works together: a power of two.
int64_t workgroup_lanes(const loop::Target& target);

loop::BufferRef shared_buffer(std::string name, loop::Type type, int64_t size);

// The invocations over a tile, each with `rows` x `columns` elements of it: rows that lie together, so that
// lanes side by side read the same of a left operand, and columns that lie `column_lanes` apart, so that they
// read neighbours of a right one.
struct LaneGrid {
  int64_t row_lanes = 1, column_lanes = 1;
  int64_t rows = 1, columns = 1;
  loop::Expr first_row, first_column;  // of the lane

  int64_t tile_rows() const { return row_lanes * rows; }
  int64_t tile_columns() const { return column_lanes * columns; }
  int64_t elements() const { return rows * columns; }
  loop::Expr row(int64_t i) const { return first_row + i; }
  loop::Expr column(int64_t j) const { return first_column + j * column_lanes; }
};

// The grid that takes the least work for a tile; with so many lanes along its rows where that is not 0.
LaneGrid lane_grid(int64_t rows, int64_t columns, int64_t lanes, int64_t row_lanes = 0);
int64_t cost_of(const LaneGrid& grid);

// One operand of a product: its element for step `t` of the sum and a row or column of the tile.
struct TileOperand {
  using Element =
      std::function<loop::Expr(const loop::Expr& t, const loop::Expr& place, const loop::Expr& predicate)>;
  Element element;        // zero where the predicate, if there is one, does not hold
  int64_t extent = 0;     // rows or columns that are not padding
  loop::BufferRef stage;  // where it is staged; null where `element` reads shared memory
};

// sums[i, j] += sum over t of left(t, row i) * right(t, column j)
struct TileProduct {
  LaneGrid grid;
  TileOperand left, right;
  int64_t depth = 0;
  int64_t chunk = 1;     // steps that are staged at a time
  loop::BufferRef sums;  // of the lane
};

class WorkgroupTile {
 public:
  WorkgroupTile(Loader& loader, int64_t lanes);

  int64_t lanes() const { return lanes_; }
  const loop::Expr& lane() const { return lane_; }
  // Gives a grid its lanes' first row and column; around() binds them.
  LaneGrid placed(LaneGrid grid, const std::string& name);
  // The loop over the lanes.
  loop::Stmt around(loop::Stmt body) const;

  // Elements of a staging buffer for `chunk` steps of a tile extent.
  static int64_t stage_size(int64_t chunk, int64_t extent) { return chunk * stride(extent); }
  // Ends with a barrier: what it has staged, and shared memory that it reads, may be written after it.
  loop::Stmt multiply(const TileProduct& product);

 private:
  // Odd, so that neither lines nor columns of a tile fall into one bank.
  static int64_t stride(int64_t extent) { return extent | 1; }
  loop::Stmt stage(const TileProduct& product, const TileOperand& operand, int64_t padded,
                   const loop::Expr& first);
  bool runs_along_depth(const TileOperand& operand, int64_t depth);

  Loader& loader_;
  int64_t lanes_;
  loop::VariableRef lane_variable_;
  loop::Expr lane_;
  std::vector<std::pair<loop::VariableRef, loop::Expr>> lets_;
};

// A statement for each i below `count`.
template <typename Make>
loop::Stmt each(int64_t count, const Make& make) {
  std::vector<loop::Stmt> body;
  for (int64_t i = 0; i < count; ++i) body.push_back(make(i));
  return loop::block(std::move(body));
}

}  // namespace sinter::passes
