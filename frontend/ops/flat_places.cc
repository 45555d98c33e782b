#include "frontend/ops/flat_places.h"

#include <fmt/format.h>

#include <limits>

#include "frontend/trace/emit.h"

namespace sinter {

graph::Value flat_places(Builder& b, std::string_view what, graph::Value indices, const graph::Shape& shape,
                         int64_t axis) {
  const bool is_long = graph::element_count(shape) > std::numeric_limits<int32_t>::max();
  const int64_t extent = shape[static_cast<size_t>(axis)];
  const graph::Value checked =
      b.emit(OpCode::check_index, {indices}, {{"bound", extent}, {"op", std::string(what)}}).result();
  const graph::Value along = b.cast(checked, is_long ? graph::DType::i64 : graph::DType::i32);
  return b.emit(OpCode::flat_places, {along}, {{"axis", axis}, {"extent", extent}}).result();
}

void check_along(const Pin& pin, const Tensor& x, const Tensor& indices, int64_t axis) {
  Shape expected = x.shape();
  if (indices.rank() == x.rank()) expected[static_cast<size_t>(axis)] = indices.dim(axis);
  if (indices.shape() != expected || (indices.dtype() != i32 && indices.dtype() != i64)) {
    pin.fail(fmt::format("indices {} do not fit axis {} of {}", indices.type(), axis, x.type()));
  }
}

}  // namespace sinter
