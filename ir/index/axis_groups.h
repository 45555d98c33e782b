#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph/type.h"

namespace sinter::loop {

// Axes of one shape that together count the same elements as axes of another, in row-major order. Either side
// may be empty, for axes of extent 1.
struct AxisGroup {
  int64_t from_begin, from_end, to_begin, to_end;
};

// The finest groups of a reshape; nothing where a shape has no elements.
std::optional<std::vector<AxisGroup>> group_axes(const graph::Shape& from, const graph::Shape& to);

}  // namespace sinter::loop
