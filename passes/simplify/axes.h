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

// Whether those of `shape`'s axes from `begin` to `end` that are longer than one are all in `axes`; nothing
// where some are and some are not. False where there is none.
std::optional<bool> all_in(const graph::Shape& shape, int64_t begin, int64_t end, const Axes& axes);

}  // namespace sinter::passes
