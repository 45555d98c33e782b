#include "ir/index/indexing.h"

#include <algorithm>

#include "ir/index/axis_groups.h"

namespace sinter::loop {

FreshIndex fresh_index(const graph::Shape& shape, RangeMap& ranges) {
  FreshIndex fresh;
  for (int64_t extent : shape) {
    fresh.variables.push_back(make_variable("x"));
    ranges[fresh.variables.back()] = {0, extent};
    fresh.at.push_back(extent == 1 ? integer(0) : variable(fresh.variables.back()));
  }
  return fresh;
}

Expr linearize(const Index& index, const graph::Shape& shape) {
  Expr position = integer(0);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    position = position * shape[axis] + (shape[axis] == 1 ? integer(0) : index[axis]);
  }
  return position;
}

Index delinearize(const Expr& position, const graph::Shape& shape, const RangeMap& ranges) {
  Index index(shape.size());
  Expr rest = position;
  size_t outermost = 0;
  while (outermost < shape.size() && shape[outermost] == 1) ++outermost;
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 1) {
      index[axis] = integer(0);
    } else if (axis == outermost) {
      index[axis] = simplify(rest, ranges);
    } else {
      index[axis] = simplify(rest % shape[axis], ranges);
      rest = simplify(rest / shape[axis], ranges);
    }
  }
  return index;
}

Index reshape_index(const Index& index, const graph::Shape& from, const graph::Shape& to,
                    const RangeMap& ranges) {
  Index result(from.size(), integer(0));
  const auto groups = group_axes(from, to);
  if (!groups) return result;
  const auto part = [](const auto& all, int64_t begin, int64_t end) {
    return std::vector(all.begin() + begin, all.begin() + end);
  };
  for (const AxisGroup& group : *groups) {
    const int64_t before = group.from_end - group.from_begin, after = group.to_end - group.to_begin;
    if (before == 0 || after == 0) continue;  // of extent 1
    if (before == 1 && after == 1) {
      result[static_cast<size_t>(group.from_begin)] = index[static_cast<size_t>(group.to_begin)];
      continue;
    }
    const Expr position =
        linearize(part(index, group.to_begin, group.to_end), part(to, group.to_begin, group.to_end));
    const Index parts =
        delinearize(simplify(position, ranges), part(from, group.from_begin, group.from_end), ranges);
    std::ranges::copy(parts, result.begin() + group.from_begin);
  }
  return result;
}

}  // namespace sinter::loop
