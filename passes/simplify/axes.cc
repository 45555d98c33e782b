#include "passes/simplify/axes.h"

#include <algorithm>
#include <numeric>

namespace sinter::passes {

using graph::Shape;

bool contains(const Axes& axes, int64_t axis) {
  return std::ranges::find(axes, axis) != axes.end();
}

Axes all_axes(int64_t rank) {
  Axes axes(at(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Axes without(int64_t rank, const Axes& axes) {
  Axes result;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (!contains(axes, axis)) result.push_back(axis);
  }
  return result;
}

Axes pick(const Axes& values, const Axes& places) {
  Axes result;
  for (int64_t place : places) result.push_back(values[at(place)]);
  return result;
}

Axes inverse(const Axes& permutation) {
  Axes result(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) result[at(permutation[i])] = static_cast<int64_t>(i);
  return result;
}

Axes longer_than_one(const Shape& shape) {
  Axes axes;
  for (int64_t axis = 0; axis < rank_of(shape); ++axis) {
    if (shape[at(axis)] != 1) axes.push_back(axis);
  }
  return axes;
}

std::optional<bool> all_in(const Shape& shape, int64_t begin, int64_t end, const Axes& axes) {
  bool some = false, others = false;
  for (int64_t axis = begin; axis < end; ++axis) {
    if (shape[at(axis)] != 1) (contains(axes, axis) ? some : others) = true;
  }
  return some && others ? std::nullopt : std::optional(some);
}

}  // namespace sinter::passes
