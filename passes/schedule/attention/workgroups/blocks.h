#pragma once

#include <functional>
#include <vector>

#include "passes/schedule/attention/core.h"
#include "passes/schedule/attention/score_grid.h"

namespace sinter::passes {

// What the schedules of `attention` and `attention_backward` for workgroups share. A workgroup has a block of
// rows, which are queries or keys, and the others run by, a block of columns at a time. Scores are computed
// in registers from lines that lie in shared memory as in memory, and read by four. They become the left
// operand of a second product by way of a tile in shared memory.
class AttentionBlocks : public AttentionCore {
 public:
  AttentionBlocks(Template& t, graph::Anchor anchor) : AttentionCore(t, anchor) {}

  // Comes before all that follows. A row, and a column, has lines of these lengths.
  // `summed_lines`: see ScorePart.
  void use(const ScoreGrid& grid, const std::vector<int64_t>& row_lengths,
           const std::vector<int64_t>& column_lengths, int64_t summed_lines);
  const ScoreGrid& grid() const { return grid_; }

  // The loop over the lanes, and the shared memory around it.
  loop::Stmt around(loop::Stmt body) const;
  loop::BufferRef registers(std::string name, int64_t count) const;

  // A block of scores: its first row and column, which count queries and keys, or keys and queries.
  struct Block {
    bool rows_are_keys = false;
    loop::Expr row, column;
    // Where columns are fetched ahead: the block's number among those of its rows, how many these may be, and
    // whether the next one is computed. Else null.
    loop::Expr number;
    int64_t most = 0;
    loop::Expr has_next;
  };
  using OfBlock = std::function<loop::Stmt(const Block&)>;
  // A row or column of a lane: its number among the lane's, in the block, and of all queries or keys.
  // `exists` is null where all do.
  struct Line {
    loop::Expr number, in_block, of_all, exists;
  };
  struct Place {
    loop::Expr slot;  // of the score, in registers
    Line row, column;
    loop::Expr query, key;
    loop::Expr valid;  // whether both exist; null where they always do
  };
  loop::Stmt for_rows(const Block& block, const std::function<loop::Stmt(const Line&)>& body);
  loop::Stmt for_columns(const Block& block, const std::function<loop::Stmt(const Line&)>& body);
  loop::Stmt for_places(const Block& block, const Line& row,
                        const std::function<loop::Stmt(const Place&)>& body);
  loop::Expr is_first_of_team() const { return member_ < loop::integer(1); }
  const loop::Expr& lane() const { return lane_; }

  // A tensor of queries or keys by its lines.
  struct Lines {
    bool of_keys = false;
    int64_t length = 0;
    // Element w of a line; zero where the predicate, if there is one, does not hold.
    std::function<loop::Expr(const loop::Expr& line, const loop::Expr& w, const loop::Expr& predicate)>
        element;
  };
  Lines query_lines(const Index& outer);
  Lines key_lines(const Index& outer);
  Lines value_lines(const Index& outer);
  // The keys, low .. high - 1, that queries of a block of so many may see.
  std::pair<loop::Expr, loop::Expr> seen_by(const Index& outer, const loop::Expr& first, int64_t count);
  // Whether it is known of some queries that they do not see all keys.
  bool leaves_out();
  // For the blocks of keys that queries of the block's rows may see. `fetch` brings what the body begins with
  // to registers, where the grid says so: here of the first block, in the body of the next one, by `ahead`.
  loop::Stmt for_key_blocks(const Index& outer, Block block, const OfBlock& fetch, const OfBlock& body);
  // The same for all blocks of columns, of which some are left out: where `is_seen` is false.
  loop::Stmt for_column_blocks(Block block, const std::function<loop::Expr(const Block&)>& is_seen,
                               const OfBlock& fetch, const OfBlock& body);
  loop::Stmt ahead(const Block& block, const OfBlock& fetch);
  // A value with a name, from 0 to `most`.
  loop::Expr bound(Lets& lets, const char* name, const loop::Expr& value, int64_t most);
  // Bring lines of the block's rows and columns to shared memory. Rows may have several; where they are not
  // staged there is nothing to do. Columns of a block that knows of a next one are in registers already.
  loop::Stmt stage_rows(const Block& block, const std::vector<Lines>& rows);
  loop::Stmt stage_columns(const Block& block, const Lines& columns, size_t which);
  loop::Stmt fetch_columns(const Block& block, const Lines& columns, size_t which);
  // scores[row, column] = the product of lines `which` of the row and of the column, which is staged.
  loop::Stmt multiply_rows(const Block& block, const Lines& row, size_t which, const loop::BufferRef& scores);
  // sums[row, w] += sum over columns of tile[row, column] * line `which` of the column at w, which is staged
  loop::Stmt multiply_tile(const loop::BufferRef& tile, int64_t length, size_t which,
                           const loop::BufferRef& sums);

  // A tile of shared memory, with an element for each score of a block: a second one where all are staged.
  const loop::BufferRef& tile(size_t number = 0) const { return tiles_[grid_.stages_all ? number : 0]; }
  loop::Expr tile_place(const loop::Expr& row, const loop::Expr& column) const {
    return row * grid_.tile_line() + column;
  }
  loop::Expr tile_place(const Place& at) const { return tile_place(at.row.in_block, at.column.in_block); }

  // Where lanes of a team wait for one another.
  loop::Stmt team_barrier() const {
    return grid_.in_subgroups ? loop::subgroup_barrier(grid_.group()) : loop::barrier();
  }
  // What lanes of a team tell one another of a row, or of any line of a block; and what all have told, two
  // and two combined, in a fixed tree.
  loop::Stmt tell(const Line& line, const loop::Expr& value) const;
  using Combine = std::function<loop::Expr(const loop::Expr&, const loop::Expr&)>;
  loop::Expr told(const Line& line, Lets& lets, const Combine& combine) const;
  loop::Expr told_sum(const Line& line, Lets& lets) const {
    return told(line, lets, [](const loop::Expr& x, const loop::Expr& y) { return x + y; });
  }
  // Each team tells of some lines of queries the sum along them of a product of two, a part a lane.
  using OfQuery =
      std::function<loop::Expr(const loop::Expr& query, const loop::Expr& u, const loop::Expr& predicate)>;
  struct Factors {
    int64_t length = 0;
    OfQuery left, right;
  };
  loop::Stmt tell_sums(const loop::Expr& first, int64_t count, const Factors& factors);
  // The same in two steps, by way of registers.
  loop::Stmt fetch_factors(const loop::Expr& first, int64_t count, const Factors& factors);
  loop::Stmt tell_fetched(int64_t count, int64_t length);

  loop::Stmt clear(const loop::BufferRef& registers) const;
  // Sums of lines of such a length, in registers.
  int64_t sums_size(int64_t length) const { return grid_.rows * grid_.length_of_lane(length); }
  // Each row's times a factor of its own.
  loop::Stmt scale(const loop::BufferRef& sums, int64_t length, const loop::BufferRef& factors);
  loop::Stmt store_sums(const Block& block, const loop::BufferRef& sums, int64_t length,
                        const loop::BufferRef& to,
                        const std::function<loop::Expr(const Line& row, const loop::Expr& w)>& place);

 private:
  // Lines in shared memory, and how far apart they are.
  struct Stage {
    loop::BufferRef buffer;
    int64_t line = 0;
  };

  static loop::Stmt repeat(const loop::VariableRef& variable, int64_t count, loop::LoopKind kind,
                           loop::Stmt body);
  int64_t extent(bool of_keys) const { return of_keys ? keys() : queries(); }
  loop::Expr exists(const loop::Expr& line, bool of_keys, int64_t block) const;
  // The line, or the last where it is beyond that.
  loop::Expr clamped(const loop::Expr& line, bool of_keys, int64_t block) const;
  // Fours of lines that a lane brings from one place to another, in rounds.
  struct Four {
    loop::Expr round, in_block, begin;  // its line in the block, and first element
  };
  loop::Stmt for_fours(int64_t length, int64_t count, const std::function<loop::Stmt(const Four&)>& body);
  loop::Stmt bring(const Lines& lines, const Four& four, const loop::Expr& first, int64_t count,
                   const std::function<loop::Stmt(const loop::Expr& d, const loop::Expr& value)>& keep);
  static loop::Expr place_of(const Stage& stage, const Four& four, const loop::Expr& d);
  loop::Stmt stage(const Stage& to, const Lines& lines, const loop::Expr& first, int64_t count);
  // For the lines that a team adds up: the round, the line in the block.
  loop::Stmt for_lines_of_team(
      int64_t count, const std::function<loop::Stmt(const loop::Expr& round, const Line& line)>& body);
  using FactorsOfLane = std::function<std::pair<loop::Expr, loop::Expr>(int64_t i)>;
  loop::Stmt for_factors(const loop::Expr& first, int64_t count, const Line& line, const Factors& factors,
                         const std::function<loop::Stmt(const FactorsOfLane&)>& body);
  loop::Stmt tell_sum(const Line& line, int64_t length, const FactorsOfLane& factors);
  const loop::BufferRef& fetched(size_t which) const { return fetched_[grid_.stages_all ? which : 0]; }
  loop::Expr row_in_block(const loop::Expr& number) const;
  loop::Expr column_in_block(const loop::Expr& number) const;
  const Stage& column_stage(size_t which) const { return column_stages_[grid_.stages_all ? which : 0]; }
  std::vector<loop::BufferRef> shared() const;

  ScoreGrid grid_;
  loop::VariableRef lane_variable_;
  loop::Expr lane_, team_, member_;  // of the lane: its team, and which of that
  Lets lets_;
  std::vector<Stage> row_stages_, column_stages_;
  std::vector<loop::BufferRef> tiles_;
  loop::BufferRef told_;
  std::vector<loop::BufferRef> fetched_;  // registers: lines of columns that are on their way
  loop::BufferRef factors_;               // and what is to be added up
};

}  // namespace sinter::passes
