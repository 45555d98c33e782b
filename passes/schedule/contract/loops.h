#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "passes/schedule/contract/blocks.h"
#include "passes/schedule/contract/contraction.h"

namespace sinter::passes {

// The loops of one contraction, cut into `blocks`. What emits statements here takes from its caller which
// unit they are for, and from its members where the unit keeps what it has copied and summed.
class ContractLoops {
 public:
  ContractLoops(Template& t, const Contraction& contraction, const ContractBlocks& blocks);

  // Of a unit: its element of the batch, and its first tile and panel and those behind its last.
  struct Unit {
    Index b;
    loop::Expr tile_begin, tile_end, panel_begin, panel_end;
  };
  loop::Stmt unit(const Unit& unit);

 private:
  // A register tile (or panel): its number, its first row (or column), and how many of them it has.
  struct TileAt {
    loop::Expr tile, row;
    int64_t rows;
  };
  struct PanelAt {
    loop::Expr panel, column;
    int64_t lanes, columns;  // the first `columns` of `lanes` count
  };
  // A block of k: its number, and the first k.
  struct BlockAt {
    loop::Expr number, first;
  };
  // Consecutive places in a block, from `offset` in it, which is k = `first`.
  struct StepAt {
    loop::Expr offset, first;
  };

  loop::Stmt for_tiles(const loop::Expr& begin, const loop::Expr& end,
                       const std::function<loop::Stmt(const TileAt&)>& body);
  loop::Stmt for_panels(const loop::Expr& begin, const loop::Expr& end,
                        const std::function<loop::Stmt(const PanelAt&)>& body);
  // A block in steps of `step`, and what is left of k behind the last one: `body(at, count)`.
  loop::Stmt for_steps(const BlockAt& block, int64_t step,
                       const std::function<loop::Stmt(const StepAt&, int64_t)>& body);
  loop::Stmt vector(const char* name, int64_t lanes,
                    const std::function<loop::Stmt(const loop::Expr& lane)>& body);

  loop::Stmt block(const Unit& unit, const BlockAt& block);
  loop::Stmt group(const Unit& unit, const BlockAt& block, const loop::Expr& tile_begin,
                   const loop::Expr& tile_end);

  // tile.cc
  // An operand as a tile reads it: element (own, offset) lies in `buffer` at base + own * own_stride +
  // offset * k_stride.
  struct Source {
    loop::BufferRef buffer;
    loop::Expr base;
    int64_t own_stride, k_stride;
  };
  static Source source(const Contraction::Operand& operand, const loop::Expr& first);
  loop::Stmt tile(const Unit& unit, const BlockAt& block, const loop::Expr& group_begin, const TileAt& tile,
                  const PanelAt& panel);

  // dots.cc
  loop::Stmt dots(const TileAt& tile, const PanelAt& panel, const Source& left, const Source& right,
                  const loop::BufferRef& acc);

  // finish.cc
  // Of an element of a tile: its row, its column, and its place in the tile's memory.
  using TileElement =
      std::function<loop::Stmt(const loop::Expr& row, const loop::Expr& column, const loop::Expr& slot)>;
  loop::Stmt for_elements(const TileAt& tile, const PanelAt& panel, loop::LoopKind rows,
                          const TileElement& body);
  static loop::Expr counts(const PanelAt& panel, const loop::Expr& column);  // null where all columns do
  // What the kernel computes from an element of the result.
  Tile results_at(const Unit& unit, const TileAt& tile, const PanelAt& panel, const loop::Expr& row,
                  const loop::Expr& column) const;
  std::optional<std::vector<std::pair<graph::Value, Index>>> starts_of(const Tile& values) const;
  // Prefetches the epilogue's operands.
  loop::Stmt fetch_starts(const Unit& unit, const TileAt& tile, const PanelAt& panel);
  loop::Stmt finish_tile(const Unit& unit, const TileAt& tile, const PanelAt& panel,
                         const loop::BufferRef& acc);
  loop::Stmt finish_in_memory(const Unit& unit, const TileAt& tile, const PanelAt& panel,
                              const loop::BufferRef& acc,
                              const std::vector<std::pair<graph::Value, Index>>& starts);

  // pack.cc
  // Whether a tile reads lhs, or its copy, along k.
  bool has_rows_along_k() const;
  // The copy of an operand that lies along k in which a step's rows (or columns) lie side by side.
  struct Turned {
    const Contraction::Operand& operand;
    loop::BufferRef to;
    const char* name;      // of the loop
    loop::Expr first;      // row (or column)
    loop::Expr place;      // of its element of the block's first step, in `to`
    int64_t stride;        // from one step to the next
    int64_t least_turned;  // of rows, that are worth turning in registers
    bool fetch;
    std::function<loop::Expr(const loop::Expr& own, const loop::Expr& k, const loop::Expr& predicate)>
        element;
  };
  // A vector of steps, `count` of which count, of `extent` rows from number `begin` on.
  loop::Stmt turned(const Turned& copy, const Unit& unit, const StepAt& step, int64_t count, int64_t begin,
                    int64_t extent);
  loop::Stmt turn_lhs(const Unit& unit, const BlockAt& block, const loop::Expr& tile_begin,
                      const loop::Expr& tile_end);
  loop::Stmt pack_lhs(const Unit& unit, const BlockAt& block, const loop::Expr& tile_begin,
                      const loop::Expr& tile_end);
  loop::Stmt pack_rhs(const Unit& unit, const BlockAt& block);
  loop::Stmt stage_lhs(const Unit& unit, const StepAt& step, int64_t count, const loop::Expr& row_begin,
                       const loop::Expr& row_end);
  // Asks for an element of a direct operand; `own` is m or n.
  loop::Stmt ahead(const Contraction::Operand& operand, const Unit& unit, const loop::Expr& own,
                   const loop::Expr& k) const;
  loop::Expr first_row(const loop::Expr& tile) const;
  int64_t staged_stride() const;
  // Where in the copies a tile of a group, and a panel, begin.
  loop::Expr lhs_place(const loop::Expr& group_begin, const loop::Expr& tile) const;
  loop::Expr rhs_place(const Unit& unit, const loop::Expr& panel) const;

  Template& t_;
  const Contraction& c_;
  const ContractBlocks blocks_;
  const int64_t lanes_;     // of one vector of the type
  const bool has_threads_;  // rather than a lane of a GPU for each unit
  loop::BufferRef lhs_, staged_, rhs_, sums_;
};

}  // namespace sinter::passes
