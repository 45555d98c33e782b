#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// How a value depends on the rows of a batch.
struct RowPlace {
  enum class Kind : uint8_t {
    free,  // it depends on none
    rows,  // they lie along `axis`, each with as many elements
    mixed  // what depends on one row cannot be told from the rest
  };

  Kind kind = Kind::free;
  std::vector<bool> uniform = {};  // free: by axis, whether it is the same all along it
  size_t axis = 0;                 // rows
  bool of_input = false;           // rows: it depends on what they hold, not on their number alone
  int64_t flat = 0;  // rows: it holds places in a flat tensor of rows of so many elements; 0: none
  const graph::Op* culprit = nullptr;  // mixed: what mixed them first

  bool operator==(const RowPlace&) const = default;

  static RowPlace mixed(const graph::Op& op) { return {.kind = Kind::mixed, .culprit = &op}; }
  static RowPlace of_axis(size_t axis, bool of_input) {
    return {.kind = Kind::rows, .axis = axis, .of_input = of_input};
  }
  bool is_free() const { return kind == Kind::free; }
  bool is_rows() const { return kind == Kind::rows; }
  bool is_mixed() const { return kind == Kind::mixed; }
};

// What an op that is no control flow makes of its operands' places; all its results lie alike. `rows` is
// their number.
RowPlace row_place(const graph::Op& op, const std::vector<RowPlace>& operands, int64_t rows);

// What values of one shape come to that one of them is taken of, element by element.
RowPlace together(const graph::Op& op, const std::vector<RowPlace>& operands);

}  // namespace sinter::passes
