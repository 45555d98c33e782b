#pragma once

#include <algorithm>
#include <vector>

#include "ir/loop/target.h"
#include "passes/schedule/core/choice.h"

namespace sinter::passes {

// How the scores of a block of queries and keys are spread over the lanes of a workgroup, each of which has
// some in registers. Lanes form teams that share their rows, so that what is found of a row concerns its team
// alone; a lane's rows lie as far apart as there are teams, its columns as there are lanes in one.
struct ScoreGrid {
  int64_t lanes = 32;
  int64_t team = 8;               // lanes
  int64_t rows = 1, columns = 1;  // of a lane
  // Whether the rows' lines lie in shared memory. Where they do not fit they are read from memory each time,
  // which answers all lanes of a team at once.
  bool stages_rows = true;
  // Whether all lines of the columns that are multiplied lie there, and all tiles of scores; else there is
  // one place of each kind, which they take in turn, with barriers at each change.
  bool stages_all = true;
  // Whether lines of columns are on their way to registers while the ones before them are multiplied.
  bool fetches_ahead = false;
  // Whether a team's lanes are in one subgroup of the machine: where they tell one another something, they
  // wait for that alone.
  bool in_subgroups = false;

  int64_t teams() const { return lanes / team; }
  int64_t block_rows() const { return teams() * rows; }
  int64_t block_columns() const { return team * columns; }
  int64_t scores() const { return rows * columns; }
  // Lanes side by side that are whole teams: two of these alternate.
  int64_t group() const { return std::min(lanes, 2 * team); }

  // Elements of a line of shared memory from one to the next: such that lanes of a team, which read lines one
  // after the other by four, do not meet in a bank.
  int64_t line(int64_t length) const;
  int64_t tile_line() const { return block_columns() + 8; }
  int64_t told_line() const { return team + 4; }
  // Elements that a lane has of each of its rows, of lines so long: by fours, which lie apart as columns do.
  int64_t length_of_lane(int64_t length) const;
  // Elements of a block of columns with lines so long that a lane brings to shared memory: by fours, of which
  // lanes take one after the other.
  int64_t staged_by_lane(int64_t length) const;
  // Lines of columns that a team adds up.
  int64_t lines_of_team() const;

  Numbers numbers() const;
};

// Workgroups of one kind that a kernel has, by what the choice of a grid depends on.
struct ScorePart {
  int64_t units = 1;                    // what has workgroups of its own, beside blocks of rows
  int64_t rows, columns;                // of all scores of a unit
  bool leaves_out = false;              // whether a row has only some of the columns: half of them, about
  std::vector<int64_t> lengths;         // of the lines of a row that are multiplied
  std::vector<int64_t> column_lengths;  // of those of a column
  int64_t summed_lines = 0;             // their length where lines of columns are added up as they come
  int64_t sums = 0;                     // elements that are added up for a row
  bool tells_rows = false;              // whether lanes of a team tell one another of each row and block
  int64_t tiles = 1;                    // of scores that a lane holds at once
};

// Whether the machine's memory holds its blocks.
bool fits(const ScoreGrid& grid, const std::vector<ScorePart>& parts, int64_t element_bytes,
          const loop::Target& target);
// Whether some grid fits attention and its gradients, with queries and keys of `width` elements and values of
// so many.
bool has_score_grid(int64_t width, int64_t values, int64_t element_bytes, const loop::Target& target);
// The one that is done first, as far as can be told; none where none fits.
std::vector<Numbers> choose_score_grid(const std::vector<ScorePart>& parts, int64_t element_bytes,
                                       const loop::Target& target);
ScoreGrid read_score_grid(ChoiceReader& read, const std::vector<ScorePart>& parts, int64_t element_bytes,
                          const loop::Target& target);

}  // namespace sinter::passes
