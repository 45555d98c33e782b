#include "ir/index/axis_groups.h"

namespace sinter::loop {

std::optional<std::vector<AxisGroup>> group_axes(const graph::Shape& from, const graph::Shape& to) {
  if (graph::element_count(from) == 0) return std::nullopt;
  const auto at = [](const graph::Shape& shape, int64_t axis) { return shape[static_cast<size_t>(axis)]; };
  const auto from_rank = static_cast<int64_t>(from.size()), to_rank = static_cast<int64_t>(to.size());
  std::vector<AxisGroup> groups;
  int64_t i = 0, j = 0;
  while (i < from_rank || j < to_rank) {
    if (i < from_rank && at(from, i) == 1) {
      groups.push_back({i, i + 1, j, j});
      ++i;
      continue;
    }
    if (j < to_rank && at(to, j) == 1) {
      groups.push_back({i, i, j, j + 1});
      ++j;
      continue;
    }
    AxisGroup group{i, i + 1, j, j + 1};
    int64_t left = at(from, i), right = at(to, j);
    while (left != right) {
      if (left < right) {
        left *= at(from, group.from_end++);
      } else {
        right *= at(to, group.to_end++);
      }
    }
    groups.push_back(group);
    i = group.from_end;
    j = group.to_end;
  }
  return groups;
}

}  // namespace sinter::loop
