#include "passes/schedule/contract/shared_tiles.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/integers.h"
#include "passes/base/costs.h"

namespace sinter::passes {
namespace {

constexpr int64_t kLeast = 16;       // rows, columns and steps below which staging does not pay
constexpr int64_t kMiddle = 64;      // rows and columns of tiles, few of which are worth parts of a sum
constexpr int64_t kPatternRows = 4;  // of lanes, and columns: as workgroups.cc deals them out
constexpr int64_t kPatternColumns = 8;
constexpr int64_t kSpareBytes = 2 << 10;  // of shared memory, for what stands side by side

// Larger tiles read less for each product, smaller ones leave work for more multiprocessors.
constexpr SharedTile kTiles[] = {
    {128, 256, 8, 16, 8}, {128, 128, 8, 16, 8}, {128, 128, 8, 8, 16}, {128, 64, 8, 8, 16},
    {64, 128, 8, 8, 16},  {64, 64, 8, 8, 16},   {64, 64, 4, 8, 16},   {64, 64, 4, 4, 16},
    {32, 64, 4, 8, 32},   {32, 32, 4, 4, 32},   {16, 32, 4, 4, 32},
};

// What a multiprocessor does, in its cycles: 128 multiply-adds a cycle, registers for 64 K values. A subgroup
// of 32 that reads a vec4 a lane from shared memory, some lanes the same, takes 2 of its port; what is staged
// comes from a cache that all share.
constexpr double kMultiplyAdds = 128;
constexpr double kCyclesOfRead = 2;
constexpr double kStagedBytes = 64;  // a cycle
constexpr double kRegisters = 65536;
constexpr double kRegistersBesideSums = 40;
constexpr double kBusyLanes = 160;      // that hide what instructions wait for
constexpr double kCyclesOfTile = 1000;  // to fetch the first chunk and to store the result
constexpr int64_t kStepsOfPart = 64;    // fewer are not worth a part

double cycles_of(const SharedTile& tile, const ContractProblem& p, const loop::Target& target) {
  const auto number = [](int64_t x) { return static_cast<double>(x); };
  const double lanes = number(tile.lanes()),
               groups = number(ceil_div(p.m, tile.rows) * p.batch) * number(ceil_div(p.n, tile.columns));
  const double of_lane = number(tile.sums()) / kMultiplyAdds +
                         kCyclesOfRead * number(tile.lane_rows + tile.lane_columns) / 4 / 32;
  const double of_step =
      of_lane * lanes + number((tile.rows + tile.columns) * p.element_bytes) / kStagedBytes;
  const double resident =
      std::max(1.0, std::floor(kRegisters / lanes / (number(tile.sums()) + kRegistersBesideSums)));
  const double each = std::ceil(groups / number(target.multiprocessors));
  const double at_once = std::min(each, resident);
  const double busy = std::min(1.0, at_once * lanes / kBusyLanes);
  return each * of_step * number(p.k) / busy + std::ceil(each / at_once) * kCyclesOfTile;
}

// With as long a chunk, and as many stages, as there is memory for.
std::vector<SharedTile> all_tiles(const ContractProblem& problem, const loop::Target& target) {
  std::vector<SharedTile> tiles;
  for (SharedTile tile : kTiles) {
    if (problem.k < 2 * kLeast) tile.chunk = std::min<int64_t>(tile.chunk, kLeast);
    for (; tile.chunk >= 8; tile.chunk /= 2) {
      tile.stages = 2;
      if (!fits(tile, problem, target)) tile.stages = 1;
      if (!fits(tile, problem, target)) continue;
      tiles.push_back(tile);
      break;
    }
  }
  return tiles;
}

bool is_staged(const ContractProblem& problem, const loop::Target& target) {
  return target.has_fast_shared() && std::min({problem.m, problem.n, problem.k}) >= kLeast;
}

}  // namespace

bool fits(const SharedTile& tile, const ContractProblem& problem, const loop::Target& target) {
  const auto is_power = [](int64_t x) { return x > 0 && std::has_single_bit(static_cast<uint64_t>(x)); };
  for (const int64_t x : {tile.rows, tile.columns, tile.lane_rows, tile.lane_columns, tile.chunk}) {
    if (!is_power(x) || x % 4 != 0) return false;
  }
  const int64_t lanes = tile.lanes();
  return tile.row_lanes() % kPatternRows == 0 && tile.column_lanes() % kPatternColumns == 0 &&
         lanes <= target.max_workgroup_size && tile.rows * tile.chunk % (4 * lanes) == 0 &&
         tile.columns * tile.chunk % (4 * lanes) == 0 && tile.stages >= 1 && tile.stages <= 2 &&
         tile.shared_elements() * problem.element_bytes <= target.shared_bytes - kSpareBytes &&
         tile.sums() * problem.element_bytes <= target.local_bytes / 2;
}

std::vector<SharedTile> choose_shared_tiles(const ContractProblem& problem, const loop::Target& target) {
  if (!is_staged(problem, target)) return {};
  std::vector<SharedTile> tiles = all_tiles(problem, target);
  std::ranges::stable_sort(tiles, {},
                           [&](const SharedTile& tile) { return cycles_of(tile, problem, target); });
  return tiles;
}

namespace {

// Of a product that is not staged, whose lanes wait for each few steps of the sum: as many parts as have
// steps enough, where there are few lanes.
int64_t parts_of_small(const ContractProblem& problem, int64_t extent, const loop::Target& target) {
  constexpr int64_t kSteps = 32, kLane = 4 * 4, kSubgroup = 32;
  const int64_t lanes = ceil_div(problem.batch * problem.m * problem.n, kLane);
  int64_t best = 1;
  for (int64_t parts = 2; parts <= extent && problem.k / parts >= kSteps; ++parts) {
    if (lanes * parts > kSubgroup * target.multiprocessors) break;
    if (extent % parts == 0 && extent / parts % 4 == 0) best = parts;
  }
  return problem.k >= 4 * kSteps ? best : 1;
}

}  // namespace

int64_t parts_of_sum(const ContractProblem& problem, int64_t extent, const loop::Target& target) {
  if (target.has_fast_shared() && !is_staged(problem, target)) return parts_of_small(problem, extent, target);
  const int64_t tiles = ceil_div(problem.m, kMiddle) * ceil_div(problem.n, kMiddle) * problem.batch;
  if (!is_staged(problem, target) || tiles >= 2 * target.multiprocessors) return 1;
  const auto cycles = [&](int64_t parts) {
    ContractProblem part = problem;
    part.batch *= parts;
    part.k /= parts;
    double best = INFINITY;
    for (const SharedTile& tile : all_tiles(part, target))
      best = std::min(best, cycles_of(tile, part, target));
    if (parts == 1) return best;
    const auto bytes =
        static_cast<double>((parts + 1) * problem.batch * problem.m * problem.n * problem.element_bytes);
    return best + kCyclesOfLaunch + bytes / (kBytesACycle * static_cast<double>(target.multiprocessors));
  };
  int64_t best = 1;
  double least = cycles(1);
  for (int64_t parts = 2; parts <= extent && problem.k / parts >= kStepsOfPart; ++parts) {
    if (extent % parts != 0) continue;
    // What is read by fours stays so.
    if (extent % 4 == 0 && extent / parts % 4 != 0) continue;
    if (const double now = cycles(parts); now < least) {
      least = now;
      best = parts;
    }
  }
  return best;
}

}  // namespace sinter::passes
