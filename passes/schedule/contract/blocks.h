#pragma once

#include <cstdint>

#include "ir/integers.h"
#include "ir/loop/target.h"
#include "passes/schedule/core/choice.h"

namespace sinter::passes {

// What the shape of a contraction's loops depends on.
struct ContractProblem {
  struct Operand {
    bool is_direct = true;  // loaded as it is, with constant strides
    bool along_k = false;   // contiguous along k rather than along m or n
    double cycles = 0;      // that computing an element takes, about
  };

  int64_t batch = 1, m = 1, n = 1, k = 1;
  int64_t element_bytes = 4;
  Operand lhs, rhs;
  double epilogue_cycles = 0;  // that all else takes which an element of the result is computed from, about
};

// How the loops are cut. The result falls into register tiles: `tiles` of rows times `panels` of columns. The
// first `taller` tiles have `rows` rows, the others one less; a panel has `width` columns, the last one what
// is left. A unit of parallel work is a run of tiles and a run of panels of one batch element. It takes k in
// blocks, and for each block its tiles in groups.
struct ContractBlocks {
  int64_t rows = 1, taller = 1, tiles = 1;
  int64_t width = 1, panels = 1;
  int64_t k_block = 1, k_blocks = 1;
  int64_t group = 1;  // tiles
  int64_t tile_runs = 1, panel_runs = 1;
  bool are_dots = false;                    // vectors run along k, in one block, rather than along n
  bool pack_lhs = false, pack_rhs = false;  // copy what the unit needs, in the order in which tiles read it
  bool turn_lhs = false;  // whose copy has a step's rows side by side though it lies along k
  int64_t unroll = 1;     // steps of k, or vectors of it
  // What is asked for before it is needed: an operand that is copied, and those of the elementwise work that
  // follows which have more bytes than this; 0: none.
  bool fetch_lhs = false, fetch_rhs = false;
  int64_t fetch_above = 0;
  int64_t finish_vectors =
      0;                  // of a tile that the elementwise work takes at once, from memory; 0: from registers
  bool is_short = false;  // elementwise work is a loop over a tile's rows

  static constexpr int64_t kCopiedSteps = 8;  // of k, that are copied at a time where it does not lie along k
  static constexpr int64_t kVectorsAhead = 4;  // that an operand which lies along k is fetched

  int64_t tiles_a_unit() const { return ceil_div(tiles, tile_runs); }
  int64_t panels_a_unit() const { return ceil_div(panels, panel_runs); }
};

ContractBlocks choose_blocks(const ContractProblem& problem, const loop::Target& target);

Numbers numbers_of(const ContractBlocks& blocks);
ContractBlocks read_blocks(const ContractProblem& problem, const loop::Target& target, bool are_dots,
                           ChoiceReader& read);

}  // namespace sinter::passes
