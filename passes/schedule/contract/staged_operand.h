#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "passes/schedule/contract/contraction.h"
#include "passes/schedule/contract/shared_tiles.h"

namespace sinter::passes {

// An operand of a product that a workgroup makes: how its lanes bring the tile's part of a chunk to shared
// memory, by way of registers, so that the next chunk is on its way while this one is multiplied. There the
// rows (or columns) of one step lie side by side. Lanes side by side take neighbours in memory, four each.
//
// Chunks are whole but for the first, which has what is left of the sum; what it lacks is staged as zeros.
// Rows beyond the operand's last are read as that one. So only the first chunk's loads have predicates.
class StagedOperand {
 public:
  // Element (own, k), where own is a row of lhs or a column of rhs; zero where the predicate does not hold.
  using Element =
      std::function<loop::Expr(const loop::Expr& own, const loop::Expr& k, const loop::Expr& predicate)>;
  // The same for an operand that is loaded as it is: where element (own, k) lies.
  using Place = std::function<loop::Expr(const loop::Expr& own, const loop::Expr& k)>;

  struct Source {
    const char* name;
    const Contraction::Operand& operand;
    int64_t extent;       // rows or columns that there are
    loop::Expr first;     // of the tile
    int64_t tile_extent;  // rows or columns of the tile
    int64_t first_steps;  // of the first chunk
    Element element;
    Place place;
  };
  StagedOperand(Loader& loader, const Source& source, const SharedTile& tile, const loop::Expr& lane,
                loop::BufferRef stage);

  // Into registers: the first chunk, and chunk number `chunk` + 1.
  loop::Stmt fetch_first() const;
  loop::Stmt fetch_after(const loop::Expr& chunk) const;
  // From there to shared memory; `half` is where the chunk begins.
  loop::Stmt put(const loop::Expr& half) const;
  // What is staged of a step of the chunk at `half`, for row (or column) `own` + `offset` of the tile.
  loop::Expr at(const loop::Expr& half, const loop::Expr& step, const loop::Expr& own, int64_t offset) const;
  // A statement that knows what the others count from.
  loop::Stmt around(loop::Stmt body) const;

 private:
  // Of four neighbours that a lane fetches, from which row (or column) and step on they lie, besides the
  // lane's own first.
  struct Four {
    int64_t own, step;
  };
  // base + offset: what a lane counts from, and what all lanes add to it alike.
  struct Count {
    loop::Expr base;
    int64_t offset = 0;
    loop::Expr expr() const { return base + offset; }
  };
  int64_t line_elements() const;  // neighbours that lanes take before they go to the next line
  Four four(int64_t number) const;
  loop::Expr named(const std::string& name, const loop::Expr& value, int64_t end);
  void find_elements();
  loop::Stmt fetch(const loop::Expr& chunk, int64_t first) const;

  Loader& loader_;
  Source source_;
  SharedTile tile_;
  loop::BufferRef stage_, next_;
  int64_t fours_;    // that a lane fetches of a chunk
  bool along_k_;     // neighbours are steps, rather than rows or columns
  bool is_clamped_;  // a tile may reach beyond the last row (or column)
  loop::Expr own_, step_, put_at_;
  // Of each element that a lane fetches: its row (or column), and where that and the lane's first step lie.
  std::vector<Count> owns_, places_;
  std::vector<std::pair<loop::VariableRef, loop::Expr>> lets_;
};

}  // namespace sinter::passes
