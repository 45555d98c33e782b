#pragma once

#include <functional>

#include "ir/integers.h"
#include "passes/schedule/attention/core.h"
#include "passes/schedule/core/choice.h"

// What the schedules of `attention` and `attention_backward` for threads share. Both work on tiles of scores,
// queries along lanes and keys one after the other: neither keys nor values need to be moved, softmax needs
// no reduction across lanes, and only the queries of a tile are transposed.
namespace sinter::passes {

// Keys first .. first + count - 1, in `tiles` register tiles, the last of which may go beyond, and another of
// `more` rows.
struct KeyRows {
  loop::Expr first, count, tiles;
  int64_t more = 0;
  // How many of them, from the first, are seen by any of the queries first .. first + count - 1 of the block;
  // null where all queries see the same.
  std::function<loop::Expr(const loop::Expr& first_query, int64_t queries)> seen;
};

// What a step of a vector loop over the queries of a tile knows of them.
struct QueryLane {
  loop::Expr lane;       // in the vector
  loop::Expr first;      // column of the vector
  loop::Expr column;     // in the tile
  loop::Expr index;      // the query
  loop::Expr predicate;  // null where all lanes are queries
};

// A product of matrices: result[row, column] = sum over t of left(row, t) * right(t, column).
struct MatrixProduct {
  std::string name;
  loop::Expr row_tiles;  // register tiles of AttentionTile::rows() rows
  // How many of them some columns need; null: all.
  std::function<loop::Expr(const loop::Expr& column, int64_t columns)> needed_tiles;
  int64_t most_tiles = 0;
  int64_t more_rows = 0;  // after those
  int64_t columns = 0;
  loop::Expr depth;
  int64_t most_depth = 0, depth_unroll = 1;
  // The depth that some rows need; null: all of it.
  std::function<loop::Expr(const loop::Expr& row, int64_t rows)> needed_depth;
  // Whether rows from `row` on need the `depth_unroll` steps from t on; null: they do.
  std::function<loop::Expr(const loop::Expr& row, const loop::Expr& t)> needs;
  // What the elements of a row have in common, computed once: below `base_end`.
  std::function<loop::Expr(const loop::Expr& row)> base;
  int64_t base_end = 0;
  // The base from step t on; null where left() knows a step's element as fast.
  std::function<loop::Expr(const loop::Expr& base, const loop::Expr& t)> advance;
  std::function<loop::Expr(const loop::Expr& base, const loop::Expr& t)> left;
  std::function<loop::Expr(const loop::Expr& t, const loop::Expr& column, const loop::Expr& predicate)> right;
  std::function<loop::Stmt(const loop::Expr& row, const loop::Expr& column, const loop::Expr& predicate,
                           const loop::Expr& value)>
      finish;
  // Whether the row is one, where not all of the tiles' are; null: all are.
  std::function<loop::Expr(const loop::Expr& row)> holds;

  void set_depth(int64_t extent, int64_t unroll);
};

// How queries and keys are cut.
struct AttentionTileSizes {
  int64_t queries = 1, keys = 1;  // of a block
  int64_t rows = 1;               // keys of a register tile
  bool skips = false;             // keys that no query of a block sees are left out
};

class AttentionTile : public AttentionCore {
 public:
  AttentionTile(Template& t, graph::Anchor anchor);

  AttentionTileSizes best() const;
  static Numbers numbers_of(const AttentionTileSizes& sizes);
  AttentionTileSizes read(ChoiceReader& read) const;
  // Comes before all that follows.
  void use(const AttentionTileSizes& sizes);

  int64_t rows() const { return rows_; }  // of a register tile
  int64_t panel() const { return panel_; }
  int64_t lanes() const { return lanes_; }
  int64_t query_block() const { return query_block_; }
  int64_t key_block() const { return key_block_; }
  int64_t columns(const QueryRows& rows) const { return round_up(rows.count, lanes_); }

  // Clamps the key index; out-of-range lanes compute what is never stored.
  loop::Expr clamped_key(const loop::Expr& key) const;

  // `value` of the core's body at `index`, for a query in a lane. Loads that do not depend on the lane do
  // without its predicate.
  loop::Expr in_lane(graph::Value value, const Index& index, const QueryLane& lane);

  // Stores a value of each query.
  loop::Stmt store_row(const loop::BufferRef& buffer, const loop::Expr& place, const loop::Expr& value,
                       const QueryLane& lane) const;

  // Local memory of so many lines, each of an element for every query of a block. Panels of two vectors of
  // columns lie one after the other, so that what a product reads lies together.
  loop::BufferRef lines(std::string name, int64_t count) const;
  loop::Expr slot(const loop::BufferRef& lines, const loop::Expr& line, const loop::Expr& column) const;

  // Where the element at `index` of a tensor lies, whose axis of so many columns `column` goes through: a
  // vector of columns stays one where there is a single column, which no index needs.
  loop::Expr place(const Index& index, const graph::Shape& shape, const loop::Expr& column, int64_t columns);

  // For each vector of queries.
  loop::Stmt for_queries(const QueryRows& rows, const std::function<loop::Stmt(const QueryLane&)>& body);
  // for key_row in begin .. begin + extent - 1
  loop::Stmt for_keys(const loop::Expr& begin, const loop::Expr& extent,
                      const std::function<loop::Stmt(const loop::Expr& key_row)>& body);
  // The keys with what parts of the block of queries see of them.
  KeyRows with_seen(const Index& outer, const QueryRows& rows, KeyRows keys);
  // For the keys that a vector of queries sees.
  loop::Stmt for_keys_seen(const KeyRows& keys, const QueryLane& lane,
                           const std::function<loop::Stmt(const loop::Expr& key_row)>& body);
  // For the others of the block, and the rows of the last register tile that are no keys.
  loop::Stmt for_keys_beyond(const KeyRows& keys, const QueryLane& lane,
                             const std::function<loop::Stmt(const loop::Expr& key_row)>& body);
  // The keys that a block of queries needs, low .. high - 1.
  std::pair<loop::Expr, loop::Expr> needed_keys(const Index& outer, const QueryRows& rows);
  // Whether those are all, in one block.
  bool is_at_once(const loop::Expr& low, const loop::Expr& high) const;
  // For the blocks of keys of low .. high - 1.
  loop::Stmt for_key_blocks(const loop::Expr& low, const loop::Expr& high,
                            const std::function<loop::Stmt(const KeyRows&)>& body);
  // For the blocks of queries, or the one of number `block`.
  loop::Stmt for_query_block(const loop::Expr& block,
                             const std::function<loop::Stmt(const QueryRows&)>& body);
  int64_t query_blocks() const { return ceil_div(queries(), query_block_); }

  // buffer[i, column] = element(query, i), for i below `extent`; zeros where a lane has no query.
  using QueryElement =
      std::function<loop::Expr(const loop::Expr& query, const loop::Expr& i, const loop::Expr& predicate)>;
  loop::Stmt transpose_in(const loop::BufferRef& buffer, const QueryRows& rows, int64_t extent,
                          const QueryElement& element);
  loop::Stmt fill(const loop::BufferRef& buffer, const QueryRows& rows, int64_t extent, double value);

  // Local memory of a row for every query of a block.
  loop::BufferRef matrix(std::string name, int64_t columns) const;
  loop::Stmt clear(const loop::BufferRef& matrix);
  loop::Stmt for_elements(
      const QueryRows& rows, int64_t columns,
      const std::function<loop::Stmt(const loop::Expr& row, const VectorPoint& column)>& body);

  loop::Stmt emit(const MatrixProduct& product);
  // buffer[key, column] = sum over w of q or k's like: the scores, or the cotangents of what is kept.
  loop::Stmt keys_by_queries(
      const std::string& name, const loop::BufferRef& result, const QueryRows& rows, const KeyRows& keys,
      int64_t depth, const loop::BufferRef& transposed,
      const std::function<loop::Expr(const loop::Expr& key, const loop::Expr& w)>& left);

  // finish(row, column, ...) of the sum over keys of lines[key, row] * right(key, column).
  loop::Stmt queries_by_width(
      const std::string& name, const QueryRows& rows, const KeyRows& keys, const loop::BufferRef& lines,
      int64_t columns,
      const std::function<loop::Expr(const loop::Expr& key, const loop::Expr& column,
                                     const loop::Expr& predicate)>& right,
      const std::function<loop::Stmt(const loop::Expr& row, const loop::Expr& column,
                                     const loop::Expr& predicate, const loop::Expr& value)>& finish);

 private:
  loop::Stmt register_tile(const MatrixProduct& p, const loop::Expr& row0, int64_t rows,
                           const loop::Expr& column0, int64_t lanes, bool bounded);
  loop::Expr seen_by(const KeyRows& keys, const QueryLane& lane) const;
  int64_t steps_at_once() const;  // that the loop of a register tile takes

  const loop::Target& target_;
  int64_t lanes_;
  int64_t query_block_ = 1, key_block_ = 1;
  int64_t panel_ = 1;  // columns
  int64_t rows_ = 1;
  bool skips_ = false;
};

}  // namespace sinter::passes
