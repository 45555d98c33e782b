#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/core/workgroup_tile.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/row_passes.h"
#include "passes/schedule/reduce/sum_blocks.h"

// How rows are cut: what the schedules of `reduce` decide where vectors run along the row.
namespace sinter::passes {

namespace {

constexpr int64_t kKeptBytes = 64 << 10;  // of a row's values that are kept between passes, at least
constexpr int64_t kFewRows = 32;          // that leave a machine idle with one invocation each
constexpr int64_t kLongRow = 16 * 64;     // that is worth barriers where shared memory is slow

// Elements of a row that are taken at once, where a vector has so many.
int64_t lanes_of_row(int64_t vector, int64_t length) {
  int64_t lanes = vector;
  while (lanes < 4 * vector && lanes * 2 <= length) lanes *= 2;
  return lanes;
}

}  // namespace

RowBlocks choose_rows(const ReduceSchedule& schedule, const loop::Target& target) {
  RowBlocks blocks;
  blocks.lanes = lanes_of_row(target.lanes(), schedule.length());
  blocks.unit = schedule.rows_of_sums();
  if (blocks.unit == 0)
    blocks.unit = std::max<int64_t>(1, target.elements_a_unit() / std::max<int64_t>(schedule.length(), 1));
  const RowPasses passes(schedule, blocks.lanes);
  blocks.kept = passes.best(std::min(std::max(kKeptBytes, target.l2_bytes / 4), target.local_bytes));
  blocks.ahead = passes.best_ahead(blocks.kept, target);
  return blocks;
}

bool may_keep(const ReduceSchedule& schedule, const RowBlocks& blocks, const loop::Target& target) {
  return blocks.kept.empty() || RowPasses(schedule, blocks.lanes).may_keep(blocks.kept, target.local_bytes);
}

bool may_ask(const ReduceSchedule& schedule, const RowBlocks& blocks) {
  return RowPasses(schedule, blocks.lanes).may_ask(blocks.ahead);
}

bool is_for_workgroup(int64_t rows, int64_t length, const loop::Target& target) {
  return target.has_fast_shared() ? length >= 2 * workgroup_lanes(target)
                                  : length >= kLongRow && rows < kFewRows;
}

int64_t iterations_of_pass(int64_t rows, int64_t length, bool goes_along, bool has_checks,
                           const loop::Target& target) {
  if (!goes_along) return iterations_in_blocks(length);
  const bool by_workgroup = target.has_workgroups() && !has_checks && is_for_workgroup(rows, length, target);
  const int64_t lanes = by_workgroup ? workgroup_lanes(target) : lanes_of_row(target.lanes(), length);
  return length / lanes + 1;
}

}  // namespace sinter::passes
