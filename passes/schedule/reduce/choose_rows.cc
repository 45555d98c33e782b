#include <algorithm>
#include <utility>

#include "ir/integers.h"
#include "passes/schedule/core/workgroup.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/row_passes.h"
#include "passes/schedule/reduce/sum_blocks.h"

// How rows are cut: what the schedules of `reduce` decide where vectors run along the row.
namespace sinter::passes {

namespace {

constexpr int64_t kKeptBytes = 64 << 10;  // of a row's values that are kept between passes, at least
constexpr int64_t kFewRows = 32;          // that leave a machine idle with one invocation each
constexpr int64_t kShortRow = 64;         // that keeps a subgroup busy
constexpr int64_t kLeastLanes = 32;       // of a workgroup that has a row
constexpr int64_t kLongRow = 16 * 64;     // that is worth barriers where shared memory is slow

RowPasses passes_of(const ReduceSchedule& schedule, const WorkgroupRows& rows) {
  return RowPasses(schedule, rows.lanes * rows.vector, true);
}

// Of all lanes, for what is kept of a row.
int64_t register_bytes(const WorkgroupRows& rows, const loop::Target& target) {
  return rows.unrolls ? rows.lanes * target.local_bytes / 4 : 0;
}

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

// Lanes have eight elements of a row each, or more where there are not so many: with fewer they would wait
// for one another more than for memory.
std::vector<WorkgroupRows> choose_workgroup_rows(const ReduceSchedule& schedule, const loop::Target& target) {
  constexpr int64_t kElements = 8, kMostLanes = 256, kMostTurns = 16;
  const int64_t length = schedule.length();
  if (!target.has_fast_shared()) return {{.lanes = workgroup_lanes(target), .kept = {}}};
  std::vector<WorkgroupRows> all;
  for (int64_t lanes = kLeastLanes; lanes <= kMostLanes; lanes *= 2) {
    if (lanes > target.max_workgroup_size && lanes > kLeastLanes) break;
    WorkgroupRows rows;
    rows.lanes = std::min(lanes, target.max_workgroup_size);
    rows.vector = length % 4 == 0 && length >= 4 * lanes ? 4 : 1;
    rows.unrolls = length <= kMostTurns * rows.lanes * rows.vector;
    rows.kept = passes_of(schedule, rows).best(register_bytes(rows, target));
    all.push_back(std::move(rows));
  }
  // The next best have nearly as many lanes, rather more than fewer.
  int64_t best = all.back().lanes;
  for (const WorkgroupRows& rows : all) {
    if (rows.lanes * kElements >= length) best = std::min(best, rows.lanes);
  }
  std::ranges::sort(all, {}, [&](const WorkgroupRows& rows) {
    return rows.lanes >= best ? std::pair{rows.lanes / best, 0} : std::pair{best / rows.lanes, 1};
  });
  return all;
}

bool may_keep(const ReduceSchedule& schedule, const WorkgroupRows& rows, const loop::Target& target) {
  return rows.kept.empty() || passes_of(schedule, rows).may_keep(rows.kept, register_bytes(rows, target));
}

bool is_for_workgroup(int64_t rows, int64_t length, const loop::Target& target) {
  return target.has_fast_shared() ? length >= kShortRow : length >= kLongRow && rows < kFewRows;
}

int64_t iterations_of_pass(int64_t rows, int64_t length, bool goes_along, bool has_checks,
                           const loop::Target& target) {
  if (!goes_along) return iterations_in_blocks(length);
  const bool by_workgroup = target.has_workgroups() && !has_checks && is_for_workgroup(rows, length, target);
  const int64_t of_workgroup =
      target.has_fast_shared() ? std::min(kLeastLanes, target.max_workgroup_size) : workgroup_lanes(target);
  const int64_t lanes = by_workgroup ? of_workgroup : lanes_of_row(target.lanes(), length);
  return length / lanes + 1;
}

}  // namespace sinter::passes
