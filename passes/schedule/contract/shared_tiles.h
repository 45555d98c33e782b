#pragma once

#include <vector>

#include "passes/schedule/contract/blocks.h"

namespace sinter::passes {

// How a contraction falls into workgroups whose operands are staged in shared memory. A workgroup makes a
// tile of the result; its lanes form a grid, and each has as many rows and columns of it as `lane_rows` and
// `lane_columns` say, by fours: as quarters of a vec4 are read at once.
struct SharedTile {
  int64_t rows = 16, columns = 32;
  int64_t lane_rows = 4, lane_columns = 4;
  int64_t chunk = 16;  // steps of the sum that are staged at a time
  int64_t stages = 1;  // chunks that shared memory holds: with two, the next is written while one is read
  int64_t slices = 1;  // of each chunk, with lanes of their own, whose sums are added up at the end

  int64_t row_lanes() const { return rows / lane_rows; }
  int64_t column_lanes() const { return columns / lane_columns; }
  int64_t grid() const { return row_lanes() * column_lanes(); }
  int64_t lanes() const { return grid() * slices; }
  int64_t sums() const { return lane_rows * lane_columns; }
  // Elements of the next chunk that a lane has on their way.
  int64_t fetched() const { return (rows + columns) * chunk / lanes(); }
  // Elements from one step of a staged operand to the next: padded, so that lanes which write several steps
  // of one row do not meet in a bank.
  static int64_t line(int64_t extent) { return extent + 4; }
  int64_t stage_elements(int64_t extent) const { return stages * chunk * line(extent); }
  int64_t shared_elements() const { return stage_elements(rows) + stage_elements(columns); }
  // Of a lane's rows, how many have their sums in shared memory at once when those of slices are added up.
  int64_t rows_at_once() const {
    int64_t at_once = lane_rows;
    while (at_once > 0 && lanes() * at_once * lane_columns > stage_elements(columns)) at_once /= 2;
    return at_once;
  }
};

inline constexpr int64_t kLeastStagedSum = 16;  // steps, below which staging does not pay
// Best first; nothing where staging does not pay.
std::vector<SharedTile> choose_shared_tiles(const ContractProblem& problem, const loop::Target& target);
// Whether a workgroup and a lane have the memory, and lanes that share the work evenly.
bool fits(const SharedTile& tile, const ContractProblem& problem, const loop::Target& target);

// In how many parts a sum is done soonest, each of which has as many of `extent` steps of one of its axes: a
// divisor of `extent`; 1 where parts are not worth another kernel that adds them up.
int64_t parts_of_sum(const ContractProblem& problem, int64_t extent, const loop::Target& target);

}  // namespace sinter::passes
