#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph/graph.h"

// Arithmetic on lists of axes.
namespace sinter::passes {

using Axes = std::vector<int64_t>;

inline size_t at(int64_t axis) {
  return static_cast<size_t>(axis);
}
inline int64_t rank_of(const graph::Shape& shape) {
  return static_cast<int64_t>(shape.size());
}

bool contains(const Axes& axes, int64_t axis);
Axes all_axes(int64_t rank);
Axes without(int64_t rank, const Axes& axes);       // those that are not in `axes`
Axes pick(const Axes& values, const Axes& places);  // values[places[0]], values[places[1]], ...
Axes inverse(const Axes& permutation);
Axes longer_than_one(const graph::Shape& shape);  // the axes that are

// Axes of one shape that together count the same elements as axes of another, in row-major order. Either side
// may be empty, for axes of extent 1.
struct AxisGroup {
  int64_t from_begin, from_end, to_begin, to_end;
};

// Whether those of `shape`'s axes from `begin` to `end` that are longer than one are all in `axes`; nothing
// where some are and some are not. False where there is none.
std::optional<bool> all_in(const graph::Shape& shape, int64_t begin, int64_t end, const Axes& axes);

// The finest groups of a reshape; nothing where a shape has no elements.
std::optional<std::vector<AxisGroup>> group_axes(const graph::Shape& from, const graph::Shape& to);

}  // namespace sinter::passes
