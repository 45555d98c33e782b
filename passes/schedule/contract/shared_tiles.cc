#include "passes/schedule/contract/shared_tiles.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/integers.h"
#include "passes/base/costs.h"
#include "passes/schedule/core/parts.h"

namespace sinter::passes {
namespace {

constexpr int64_t kMiddle = 64;      // rows and columns of tiles, few of which are worth parts of a sum
constexpr int64_t kPatternRows = 4;  // of lanes, and columns: as workgroups.cc deals them out
constexpr int64_t kPatternColumns = 8;
constexpr int64_t kSpareBytes = 2 << 10;  // of shared memory, for what stands side by side
constexpr int64_t kMostSlices = 16;
constexpr int64_t kMostFetched = 32;  // elements that a lane has on their way
constexpr int64_t kLeastSteps = 8, kMostSteps = 32, kMostStepsOfSlice = 16;  // of a chunk

// Larger tiles read less for each product, smaller ones leave work for more multiprocessors.
struct Form {
  int64_t rows, columns, lane_rows, lane_columns;
};
constexpr Form kForms[] = {
    {128, 256, 8, 16}, {128, 128, 8, 16}, {128, 128, 8, 8}, {128, 64, 8, 8}, {64, 128, 8, 8}, {64, 64, 8, 8},
    {64, 64, 4, 8},    {64, 64, 4, 4},    {32, 64, 4, 8},   {32, 32, 4, 4},  {16, 32, 4, 4},
};

// What a multiprocessor does, in its cycles, as measured on one: 128 multiply-adds a cycle in four parts,
// each of which has subgroups of 32 of its own; registers for 64 K values. Reads of a vec4 a lane from shared
// memory follow one another on one port; what is staged comes from a cache that all share.
constexpr double kSubgroup = 32;
constexpr double kParts = 4;
constexpr double kCyclesOfRead = 2.5;
constexpr double kStagedBytes = 70;  // a cycle
constexpr double kLanes = 2048;
constexpr double kRegisters = 65536;
constexpr double kRegistersBesideSums = 60;
constexpr double kRegistersOfTwoStages = 4;
constexpr double kFreeRegisters = 140;      // of a lane, for sums and what is on its way;
constexpr double kTimeOfRegister = 0.0075;  // for each beyond, its compiler needs so much more of the time
constexpr int64_t kManySums = 128;          // of a lane, that leave it no registers for two stages
constexpr double kCyclesOfStep = 78;        // that a subgroup waits for what it has read
constexpr double kCyclesOfBarrier = 15;     // a chunk
constexpr double kCyclesOfMemory = 700;     // from asking for an element until it is staged, or from the last
                                            // product until the result is stored
constexpr int64_t kStepsOfPart = 64;        // fewer are not worth a part

double number(int64_t x) {
  return static_cast<double>(x);
}

// How much longer a lane takes that has few registers to spare.
double crowding(const SharedTile& tile) {
  const double registers =
      number(tile.sums() + tile.fetched()) + (tile.stages > 1 ? kRegistersOfTwoStages : 0);
  return 1 + kTimeOfRegister * std::max(0.0, registers - kFreeRegisters);
}

// Until so many workgroups of one multiprocessor, all there at once, are done.
double cycles_of(const SharedTile& tile, const ContractProblem& p, double workgroups) {
  const double subgroups = workgroups * number(tile.lanes()) / kSubgroup, sums = number(tile.sums());
  const double steps = number(tile.chunk / tile.slices), chunks = number(ceil_div(p.k, tile.chunk));
  const double reads = kCyclesOfRead * number(tile.lane_rows + tile.lane_columns) / 4;
  const double bytes = workgroups * number((tile.rows + tile.columns) * tile.chunk * p.element_bytes);
  const double work =
      steps * (std::ceil(subgroups / kParts) * sums + subgroups * reads) + bytes / kStagedBytes;
  const double chunk = crowding(tile) * std::max(work, steps * (sums + kCyclesOfStep)) + kCyclesOfBarrier;
  // The next chunk is on its way meanwhile.
  double cycles = 2 * kCyclesOfMemory + (chunks - 1) * std::max(chunk, kCyclesOfMemory) + chunk;
  if (tile.slices > 1) {
    const double turns = number(tile.lane_rows / tile.rows_at_once());
    cycles += turns * 2 * kCyclesOfBarrier + subgroups * sums / 4 * 2 * kCyclesOfRead;
  }
  return cycles;
}

double cycles_of(const SharedTile& tile, const ContractProblem& p, const loop::Target& target) {
  const int64_t groups = ceil_div(p.m, tile.rows) * p.batch * ceil_div(p.n, tile.columns);
  const double lanes = number(tile.lanes());
  const double resident = std::min(
      {std::floor(kRegisters / lanes / (number(tile.sums() + tile.fetched()) + kRegistersBesideSums)),
       std::floor(kLanes / lanes),
       std::floor(2 * number(target.shared_bytes) / number(tile.shared_elements() * p.element_bytes))});
  const double each = number(ceil_div(groups, target.multiprocessors));
  const double at_once = std::min(each, std::max(1.0, resident));
  const double rounds = std::floor(each / at_once), rest = each - rounds * at_once;
  return rounds * cycles_of(tile, p, at_once) + (rest > 0 ? cycles_of(tile, p, rest) : 0);
}

std::vector<SharedTile> all_tiles(const ContractProblem& problem, const loop::Target& target) {
  std::vector<SharedTile> tiles;
  // A lane's sums and what it has on its way leave some of its memory to operands and places: 128 sums and 24
  // elements do, beside 32 they take twice as long.
  const int64_t most_kept = target.local_bytes * 3 / 5 / problem.element_bytes;
  const auto add = [&](const SharedTile& tile) {
    const bool does_fit = tile.fetched() <= kMostFetched && tile.sums() + tile.fetched() <= most_kept &&
                          fits(tile, problem, target);
    if (does_fit) tiles.push_back(tile);
    return does_fit;
  };
  for (const Form& form : kForms) {
    SharedTile tile{form.rows, form.columns, form.lane_rows, form.lane_columns};
    for (tile.slices = 1; tile.slices <= kMostSlices; tile.slices *= 2) {
      const int64_t most = tile.slices * (tile.slices == 1 ? kMostSteps : kMostStepsOfSlice);
      for (tile.chunk = tile.slices * kLeastSteps; tile.chunk <= most; tile.chunk *= 2) {
        tile.stages = 2;
        const bool has_two = add(tile);
        tile.stages = 1;
        if (!has_two || tile.chunk >= problem.k || tile.sums() >= kManySums) add(tile);
      }
    }
  }
  return tiles;
}

bool is_staged(const ContractProblem& problem, const loop::Target& target) {
  return target.has_fast_shared() && problem.k >= kLeastStagedSum && problem.m > 0 && problem.n > 0 &&
         problem.batch > 0;
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
         tile.columns * tile.chunk % (4 * lanes) == 0 && is_power(tile.slices) &&
         (tile.slices == 1 || (tile.chunk % tile.slices == 0 && tile.rows_at_once() > 0)) &&
         tile.stages >= 1 && tile.stages <= 2 &&
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

int64_t parts_of_sum(const ContractProblem& problem, int64_t extent, const loop::Target& target) {
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
        static_cast<double>((2 * parts + 1) * problem.batch * problem.m * problem.n * problem.element_bytes);
    return best + kCyclesOfLaunch + bytes / (kBytesACycle * static_cast<double>(target.multiprocessors));
  };
  return soonest_parts(extent, problem.k / kStepsOfPart, true, cycles(1), cycles);
}

}  // namespace sinter::passes
