#include "passes/schedule/contract/blocks.h"

#include <algorithm>

#include "ir/integers.h"

namespace sinter::passes {
namespace {

class Chooser {
 public:
  Chooser(const ContractProblem& problem, const loop::Target& target)
      : p_(problem), target_(target), lanes_(target.lanes(problem.element_bytes)) {}

  ContractBlocks run() {
    if (target_.has_workgroups()) {
      choose_small_tile();
      choose_rows();
      b_.k_block = p_.k;
      b_.tile_runs = b_.tiles;
      b_.panel_runs = b_.panels;
      choose_work();
      return b_;
    }
    if (prefers_dots()) {
      choose_dots();
    } else {
      choose_tile();
      choose_rows();
      choose_k();
      choose_packing();
    }
    choose_runs();
    b_.group = std::min(b_.group, b_.tiles_a_unit());
    choose_work();
    return b_;
  }

 private:
  static constexpr int64_t kTallRows = 16;          // that lanes have in common: each loads a few, for all
  static constexpr int64_t kFewWorkgroups = 4;      // that are worth narrower tiles
  static constexpr int64_t kFillingSubgroups = 32;  // that a machine needs to be busy

  // Where a unit is one invocation: a tile each, small enough to leave units for all of the machine.
  void choose_small_tile() {
    if (target_.has_subgroup_vectors()) {
      const int64_t lanes = target_.subgroup_size;
      // A lane has its sums, and what becomes of them.
      const int64_t most = target_.local_bytes / (2 * kTallRows * p_.element_bytes);
      for (b_.width = 8; b_.width > 1; b_.width /= 2) {
        if (b_.width <= most && p_.n % (b_.width * lanes) == 0 &&
            ceil_div(p_.m, kTallRows) * p_.n / (b_.width * lanes) * p_.batch >= kFewWorkgroups)
          break;
      }
      b_.rows = kTallRows;
      if (p_.n % (b_.width * lanes) == 0) return;
    }
    const bool is_large = p_.m / 8 * (p_.n / 8) * p_.batch >= kFillingSubgroups * target_.subgroup_size;
    b_.width = std::min<int64_t>(p_.n, is_large ? 8 : 4);
    b_.rows = is_large ? 8 : 4;
  }

  // Where few rows would use what is copied of an rhs that lies along k, or few columns fill no vector: dot
  // products lose by their last additions, and by a loop that reads more for each of its products.
  bool prefers_dots() const {
    if (!p_.lhs.is_direct || !p_.lhs.along_k || !p_.rhs.is_direct || !p_.rhs.along_k) return false;
    const auto m = static_cast<double>(p_.m), n = static_cast<double>(p_.n), k = static_cast<double>(p_.k);
    const auto lanes = static_cast<double>(lanes_);
    const double dots = m * n * k / (2 * lanes) * kDotSlowness + m * n * kDotEndCycles;
    return dots < m * std::max(n, lanes) * k / (2 * lanes) + n * k * kDotCopyCycles;
  }

  void choose_dots() {
    b_.are_dots = true;
    b_.width = p_.m == 1 ? 8 : 4;
    while (b_.width / 2 >= p_.n) b_.width /= 2;
    b_.rows = std::max<int64_t>(1, (target_.vector_registers - 4) / b_.width);
    choose_rows();
    b_.k_block = p_.k;
    b_.group = b_.tiles;
  }

  // As many accumulators as leave registers for a row of rhs and an element of lhs: 6 rows of 2 vectors for
  // 16 registers. Narrow results take taller tiles, low ones wider.
  void choose_tile() {
    const int64_t registers = target_.vector_registers;
    int64_t vectors = 2;
    if (p_.n == 1) {
      b_.width = 1;
      b_.rows = 6;
      return;
    }
    if (p_.n <= lanes_) vectors = 1;
    if (p_.m <= 2 && p_.n >= 4 * lanes_) vectors = 4;
    b_.width = vectors * lanes_;
    b_.rows = vectors == 1 ? registers - 4 : (registers - 1 - vectors) / vectors;
  }

  // Tiles of equal height where that costs no more of them; else of two heights.
  void choose_rows() {
    const int64_t most = std::min(b_.rows, p_.m), less = most - 1;
    const bool divides = p_.m % most != 0 && less >= 5 && p_.m % less == 0;
    b_.tiles = ceil_div(p_.m, divides ? less : most);
    b_.rows = ceil_div(p_.m, b_.tiles);
    b_.taller = p_.m - b_.tiles * (b_.rows - 1);
    b_.panels = ceil_div(p_.n, b_.width);
  }

  // A panel's block of rhs takes what the first cache has beside some tiles of lhs. Up to twice as much is
  // one block: partial sums that pass through memory cost more than reading a panel out of the second cache.
  void choose_k() {
    const int64_t most = std::max(kStep, (target_.l1_bytes - kBytesOfTiles) / (b_.width * p_.element_bytes));
    b_.k_blocks = p_.k <= 2 * most ? 1 : ceil_div(p_.k, most);
    b_.k_block = p_.k;
    if (b_.k_blocks > 1) {
      b_.k_block = ceil_div(ceil_div(p_.k, b_.k_blocks), kStep) * kStep;
      b_.k_blocks = ceil_div(p_.k, b_.k_block);
    }
  }

  void choose_packing() {
    const int64_t lhs_bytes = p_.m * p_.k * p_.element_bytes, rhs_bytes = p_.k * p_.n * p_.element_bytes;
    if (p_.lhs.is_direct && p_.lhs.along_k) {
      // Rows that lie more than a page apart are each fetched on their own: into the same sets of the caches,
      // or from more pages than the machine remembers.
      const int64_t row_bytes = p_.k * p_.element_bytes;
      b_.pack_lhs = b_.panels >= 8 && row_bytes >= kPageBytes &&
                    (row_bytes % kSetBytes == 0 || lhs_bytes > kPages * kPageBytes);
    } else if (p_.lhs.is_direct) {
      b_.pack_lhs = b_.panels >= 3 && lhs_bytes > target_.l1_bytes;
    } else {
      b_.pack_lhs = b_.panels > 1;
    }
    // By rows, a tile of many would be as many streams for the machine to follow.
    b_.turn_lhs = b_.pack_lhs && p_.lhs.along_k && b_.rows >= kManyRows && b_.rows <= lanes_;
    if (p_.rhs.is_direct && !p_.rhs.along_k) {
      b_.pack_rhs = b_.tiles >= 6 && rhs_bytes > target_.l2_bytes / 4;
    } else {
      b_.pack_rhs = b_.tiles > 1;
    }
    const int64_t tile_bytes = std::max<int64_t>(b_.rows * b_.k_block * p_.element_bytes, 1);  // k may be 0
    b_.group = std::max<int64_t>(1, target_.l2_bytes / 4 / tile_bytes);
  }

  // Cycles that copying an element takes: of an operand that the second cache holds, or from beyond.
  double copy_cycles(const ContractProblem::Operand& operand, int64_t elements, bool against_order) const {
    return (against_order ? 0.5 : 0.4) + (is_far(elements) ? 1 : 0) + operand.cycles;
  }

  // What the largest unit costs, in cycles.
  double unit_cycles(int64_t tile_runs, int64_t panel_runs) const {
    const auto rows = static_cast<double>(std::min(ceil_div(b_.tiles, tile_runs) * b_.rows, p_.m));
    const auto columns = static_cast<double>(ceil_div(b_.panels, panel_runs) * b_.width);
    const auto depth = static_cast<double>(p_.k);
    double cycles = kUnitCycles + rows * columns * depth / static_cast<double>(2 * lanes_);
    if (b_.pack_lhs) cycles += rows * depth * copy_cycles(p_.lhs, p_.m * p_.k, false);
    if (!b_.pack_lhs && is_far(p_.m * p_.k)) cycles += rows * depth * kFarCycles;
    if (b_.pack_rhs) cycles += rhs_copy_cycles(panel_runs);
    const auto bytes = static_cast<double>(p_.element_bytes), l2 = static_cast<double>(target_.l2_bytes);
    if (b_.k_blocks > 1) {
      const bool is_far = rows * columns * bytes > l2;
      cycles += rows * columns * static_cast<double>(b_.k_blocks) * (is_far ? 0.75 : 0.5);
    }
    // Each group of tiles reads all panels.
    const double groups = rows / static_cast<double>(b_.group * b_.rows);
    if (b_.pack_rhs && columns * static_cast<double>(b_.k_block) * bytes > l2 / 2)
      cycles += columns * depth * groups * 0.25;
    return cycles;
  }

  // A unit's copies and sums, in a part of the third cache that leaves room for other threads'.
  bool fits(int64_t tile_runs, int64_t panel_runs) const {
    const int64_t rows = ceil_div(b_.tiles, tile_runs) * b_.rows;
    const int64_t columns = ceil_div(b_.panels, panel_runs) * b_.width;
    const int64_t elements =
        (b_.pack_rhs ? columns * b_.k_block : 0) + (b_.k_blocks > 1 ? rows * columns : 0);
    return elements * p_.element_bytes <= std::max(target_.l2_bytes, target_.l3_bytes / 16);
  }

  // What is unrolled, fetched ahead, and put to memory. A driver that computes on a processor takes long over
  // the code of a whole tile's loads and stores.
  void choose_work() {
    const bool has_threads = !target_.has_workgroups();
    b_.is_short = target_.kind == loop::Target::Kind::gpu_on_cpu;
    b_.unroll = b_.are_dots ? kVectorsOfDots : b_.is_short ? 1 : kStepsAtOnce;
    b_.fetch_lhs = b_.pack_lhs && p_.lhs.is_direct && is_far(p_.m * p_.k);
    b_.fetch_rhs = b_.pack_rhs && p_.rhs.is_direct && is_far(p_.k * p_.n);
    b_.fetch_above = has_threads ? target_.l1_bytes : 0;
    if (has_threads && p_.epilogue_cycles >= kDearEpilogue) b_.finish_vectors = kVectorsInFlight;
  }

  bool is_far(int64_t elements) const { return elements * p_.element_bytes > target_.l2_bytes; }

  // The grid of units that is done first.
  void choose_runs() {
    double best = 0;
    const std::vector<int64_t> of_tiles = run_counts(b_.tiles), of_panels = run_counts(b_.panels);
    for (int64_t tile_runs : of_tiles) {
      for (int64_t panel_runs : of_panels) {
        const bool is_finest = tile_runs == of_tiles.back() && panel_runs == of_panels.back();
        if (!is_finest && !fits(tile_runs, panel_runs)) continue;
        const double score = time_of_threads(tile_runs, panel_runs);
        if (best != 0 && score >= best) continue;
        best = score;
        b_.tile_runs = tile_runs;
        b_.panel_runs = panel_runs;
      }
    }
  }

  // Of how many runs there may be, those that are shorter than with fewer of them, and the most.
  static std::vector<int64_t> run_counts(int64_t all) {
    const int64_t most = std::min(all, kMostRuns);
    std::vector<int64_t> counts;
    for (int64_t runs = 1; runs <= most; ++runs) {
      const bool is_shorter = counts.empty() || ceil_div(all, runs) < ceil_div(all, counts.back());
      if (is_shorter || runs == most) counts.push_back(runs);
    }
    return counts;
  }

  // Cycles until the last thread is done, with all threads and with a few of them busy elsewhere.
  double time_of_threads(int64_t tile_runs, int64_t panel_runs) const {
    constexpr double kRarely = 0.25;
    const int64_t few = std::max<int64_t>(1, target_.threads * 3 / 4);
    return time_of(tile_runs, panel_runs, target_.threads) + kRarely * time_of(tile_runs, panel_runs, few);
  }

  double time_of(int64_t tile_runs, int64_t panel_runs, int64_t threads) const {
    // Fewer have a part in what is soon done.
    const double products = static_cast<double>(p_.batch * p_.m) * static_cast<double>(p_.n * p_.k);
    if (products < kProductsOfThread * static_cast<double>(threads))
      threads = std::max<int64_t>(1, static_cast<int64_t>(products / kProductsOfThread));
    const int64_t units = p_.batch * tile_runs * panel_runs, each = ceil_div(units, threads);
    const double unit = unit_cycles(tile_runs, panel_runs);
    // What threads wait for one another, which differ in speed: a part of a unit.
    const double wait = threads > 1 ? std::min(unit / 2, unit / 4 + kUnevenCycles) : 0;
    return unit * static_cast<double>(each) + wait;
  }

  double rhs_copy_cycles(int64_t panel_runs) const {
    const auto columns = static_cast<double>(ceil_div(b_.panels, panel_runs) * b_.width);
    return columns * static_cast<double>(p_.k) * copy_cycles(p_.rhs, p_.k * p_.n, p_.rhs.along_k);
  }

  static constexpr int64_t kStep = 16;
  static constexpr int64_t kBytesOfTiles = 16 << 10;
  static constexpr int64_t kPageBytes = 4096;
  static constexpr int64_t kPages = 1024;
  static constexpr int64_t kSetBytes = 512;
  static constexpr int64_t kManyRows = 12;
  static constexpr int64_t kMostRuns = 64;
  static constexpr double kUnitCycles = 1000;
  static constexpr double kFarCycles = 0.45;  // of an element that the second cache has not
  static constexpr double kUnevenCycles = 20'000;
  static constexpr double kProductsOfThread = 50'000;  // that are worth a thread
  static constexpr double kDotSlowness = 1.6;
  static constexpr double kDotEndCycles = 4;     // of a result's last additions
  static constexpr double kDotCopyCycles = 0.6;  // of an element of rhs, if there were no dot products
  static constexpr int64_t kVectorsOfDots = 2;
  static constexpr int64_t kStepsAtOnce = 4;
  static constexpr double kDearEpilogue = 2;  // cycles
  static constexpr int64_t kVectorsInFlight = 5;

  const ContractProblem& p_;
  const loop::Target& target_;
  int64_t lanes_;
  ContractBlocks b_;
};

}  // namespace

ContractBlocks choose_blocks(const ContractProblem& problem, const loop::Target& target) {
  return Chooser(problem, target).run();
}

}  // namespace sinter::passes
