#include "passes/schedule/attention/score_grid.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/integers.h"

namespace sinter::passes {
namespace {

// Lanes with more scores read less for each product, those with fewer leave work for more multiprocessors.
constexpr ScoreGrid kGrids[] = {
    {128, 8, 4, 4}, {128, 16, 4, 4}, {128, 8, 2, 4}, {256, 8, 4, 4}, {256, 8, 2, 4}, {64, 8, 4, 4},
    {64, 8, 2, 4},  {64, 8, 2, 2},   {32, 8, 4, 4},  {32, 8, 4, 2},  {32, 8, 2, 2},  {32, 8, 1, 4},
    {32, 8, 1, 2},  {64, 16, 2, 1},  {64, 16, 1, 1}, {32, 8, 1, 1},
};
constexpr int64_t kMostOfLane = 16;  // rows or columns

// In multiply-adds of a lane, with reads of shared memory among the rest.
constexpr double kOfRead = 8;   // of four elements
constexpr double kOfTold = 30;  // what another lane of the team tells of a row, which has to be waited for

// Of a score: products of lines along the width, and of the tile with columns, of which a lane has some
// fours.
double cycles_of_score(const ScoreGrid& grid, const ScorePart& part) {
  const auto number = [](int64_t x) { return static_cast<double>(x); };
  const double rows = number(grid.rows), columns = number(grid.columns);
  const double fours = number(grid.length_of_lane(part.lengths[0]) / 4);
  double cycles = number(part.sums) * (1 + kOfRead * (rows + 4 * fours) / (16 * rows * fours));
  for (const int64_t length : part.lengths)
    cycles += number(length) * (1 + kOfRead * (rows + columns) / (4 * rows * columns));
  return cycles + (part.tells_rows ? kOfTold * number(grid.team) / columns : 0);
}

constexpr double kBusyLanes = 128;        // of a multiprocessor
constexpr double kFullLanes = 512;        // of one whose shared memory is as full as it may be
constexpr double kBusyGroup = 128;        // lanes of a workgroup, few of which fit its shared memory
constexpr double kReadFromMemory = 1.15;  // of rows that are not staged
// All lines of columns at once spare barriers, but leave shared memory to fewer workgroups: where there are
// enough to fill a multiprocessor, that is what counts.
constexpr double kAllAtOnce = 1.15;
constexpr double kInTurn = 1.03;
constexpr double kFetchedAhead = 0.9;    // what waits for no memory
constexpr int64_t kMostOnTheirWay = 32;  // elements of a lane, of one kind of lines
constexpr int64_t kMostSummed = 64;      // behind the scores, whose registers are free by then

double time_of(const ScoreGrid& grid, const std::vector<ScorePart>& parts, const loop::Target& target) {
  double cycles = 0, lanes = 0, busy_lanes = 0;
  for (const ScorePart& part : parts) {
    const int64_t blocks = part.units * ceil_div(part.rows, grid.block_rows());
    const int64_t scores = blocks * grid.block_rows() * round_up(part.columns, grid.block_columns());
    // Workgroups with few columns leave their place to others, so long as there are some.
    const double share = part.leaves_out ? 0.5 : 1;
    lanes += static_cast<double>(blocks * grid.lanes);
    busy_lanes += share * static_cast<double>(blocks * grid.lanes);
    cycles += share * static_cast<double>(scores) * cycles_of_score(grid, part);
  }
  const auto multiprocessors = static_cast<double>(target.multiprocessors);
  const bool is_full = lanes > kFullLanes * multiprocessors;
  double busy = std::min(1.0, busy_lanes / (kBusyLanes * multiprocessors)) *
                std::min(1.0, static_cast<double>(grid.lanes) / kBusyGroup);
  if (!target.has_fast_shared()) busy = 1;
  const double staging = grid.stages_all ? (is_full ? kAllAtOnce : 1) : (is_full ? 1 : kInTurn);
  return cycles / busy * (grid.stages_rows ? 1 : kReadFromMemory) * staging *
         (grid.fetches_ahead ? kFetchedAhead : 1);
}

bool are_in_subgroups(const ScoreGrid& grid, const loop::Target& target) {
  return target.subgroup_arithmetic && target.subgroup_size % grid.group() == 0;
}

template <typename Body>
void for_grids(const loop::Target& target, const Body& body) {
  for (ScoreGrid grid : kGrids) {
    grid.in_subgroups = are_in_subgroups(grid, target);
    for (const bool fetches_ahead : {false, true}) {
      grid.fetches_ahead = fetches_ahead;
      for (const bool stages_all : {true, false}) {
        grid.stages_all = stages_all;
        for (const bool stages_rows : {true, false}) {
          grid.stages_rows = stages_rows;
          body(grid);
        }
      }
    }
  }
}

}  // namespace

int64_t ScoreGrid::line(int64_t length) const {
  return 4 * round_up(ceil_div(length, 4), team) + 4;
}

int64_t ScoreGrid::length_of_lane(int64_t length) const {
  return 4 * ceil_div(ceil_div(length, 4), team);
}

int64_t ScoreGrid::staged_by_lane(int64_t length) const {
  return 4 * ceil_div(ceil_div(length, 4) * block_columns(), lanes);
}

int64_t ScoreGrid::lines_of_team() const {
  return ceil_div(block_columns(), teams());
}

Numbers ScoreGrid::numbers() const {
  Numbers numbers = {{"lanes", {lanes}}, {"team", {team}}, {"rows", {rows}}, {"columns", {columns}}};
  if (stages_rows) numbers.push_back({"stage_rows", {}});
  if (stages_all) numbers.push_back({"stage_all", {}});
  if (fetches_ahead) numbers.push_back({"fetch_ahead", {}});
  if (in_subgroups) numbers.push_back({"subgroups", {}});
  return numbers;
}

bool fits(const ScoreGrid& grid, const std::vector<ScorePart>& parts, int64_t element_bytes,
          const loop::Target& target) {
  int64_t shared = 0, held = 0, most_lines = 1;
  for (const ScorePart& part : parts) {
    int64_t rows = 0, all_columns = 0, longest = 0, all_fetched = 0, most_fetched = 0;
    for (const int64_t length : part.lengths) rows += grid.block_rows() * grid.line(length);
    for (const int64_t length : part.column_lengths) {
      all_columns += grid.line(length);
      longest = std::max(longest, grid.line(length));
      all_fetched += grid.staged_by_lane(length);
      most_fetched = std::max(most_fetched, grid.staged_by_lane(length));
    }
    if (grid.fetches_ahead) {
      const int64_t summed = 2 * grid.lines_of_team() * grid.length_of_lane(part.summed_lines);
      if (most_fetched > kMostOnTheirWay || summed > kMostSummed) return false;
    }
    shared = std::max(shared, (grid.stages_rows ? rows : 0) +
                                  grid.block_columns() * (grid.stages_all ? all_columns : longest));
    const int64_t fetched = !grid.fetches_ahead ? 0 : grid.stages_all ? all_fetched : most_fetched;
    held = std::max(held, grid.rows * grid.length_of_lane(part.sums) + part.tiles * grid.scores() + fetched);
    most_lines = std::max(most_lines, static_cast<int64_t>(part.lengths.size()));
  }
  shared += (grid.stages_all ? most_lines : 1) * grid.block_rows() * grid.tile_line();
  shared += std::max(grid.block_rows(), grid.block_columns()) * grid.told_line();
  return grid.lanes <= target.max_workgroup_size && shared * element_bytes <= target.shared_bytes &&
         held * element_bytes <= target.local_bytes / 2;
}

bool has_score_grid(int64_t width, int64_t values, int64_t element_bytes, const loop::Target& target) {
  const ScorePart part{.rows = 1,
                       .columns = 1,
                       .lengths = {width, values},
                       .column_lengths = {width, values},
                       .sums = width + values,
                       .tiles = 3};
  bool found = false;
  for_grids(target,
            [&](const ScoreGrid& grid) { found = found || fits(grid, {part}, element_bytes, target); });
  return found;
}

std::vector<Numbers> choose_score_grid(const std::vector<ScorePart>& parts, int64_t element_bytes,
                                       const loop::Target& target) {
  std::vector<Numbers> best;
  double least = INFINITY;
  for_grids(target, [&](const ScoreGrid& grid) {
    if (!fits(grid, parts, element_bytes, target)) return;
    const double time = time_of(grid, parts, target);
    if (time >= least) return;
    least = time;
    best = {grid.numbers()};
  });
  return best;
}

ScoreGrid read_score_grid(ChoiceReader& read, const std::vector<ScorePart>& parts, int64_t element_bytes,
                          const loop::Target& target) {
  read.require(target.has_workgroups(), "the machine has no workgroups");
  ScoreGrid grid;
  grid.lanes = read.lanes(target.max_workgroup_size);
  grid.team = read.number("team", 1, grid.lanes);
  read.require(std::has_single_bit(static_cast<uint64_t>(grid.team)), "team is a power of two");
  grid.rows = read.number("rows", 1, kMostOfLane);
  grid.columns = read.number("columns", 1, kMostOfLane);
  read.require(grid.block_columns() % 4 == 0, "a team has columns by fours");
  grid.stages_rows = read.flag("stage_rows");
  grid.stages_all = read.flag("stage_all");
  grid.fetches_ahead = read.flag("fetch_ahead");
  grid.in_subgroups = read.flag("subgroups");
  read.require(!grid.in_subgroups || are_in_subgroups(grid, target), "teams are in subgroups of the machine");
  read.require(fits(grid, parts, element_bytes, target), "blocks do not fit the machine's memory");
  read.finish();
  return grid;
}

}  // namespace sinter::passes
