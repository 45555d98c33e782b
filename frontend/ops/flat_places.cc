#include "frontend/ops/flat_places.h"

#include <fmt/format.h>

#include <limits>

#include "frontend/trace/emit.h"

namespace sinter {

graph::Value flat_places(Builder& b, std::string_view what, graph::Value indices, const graph::Shape& shape,
                         int64_t axis) {
  const bool is_long = graph::element_count(shape) > std::numeric_limits<int32_t>::max();
  const graph::DType type = is_long ? graph::DType::i64 : graph::DType::i32;
  const graph::TensorType places{type, indices.shape()};
  const graph::Attributes check{{"bound", shape[static_cast<size_t>(axis)]}, {"op", std::string(what)}};
  const graph::Value flat = b.cast(b.emit(OpCode::check_index, {indices}, check).result(), type);
  int64_t stride = 1;
  graph::Value before;
  for (int64_t i = indices.rank() - 1; i >= 0; --i) {
    const graph::Value place = i == axis ? flat : b.iota(places, i);
    const graph::Value scaled = stride == 1 ? place : b.mul(place, b.constant_int(stride, type));
    before = before ? b.add(before, scaled) : scaled;
    stride *= shape[static_cast<size_t>(i)];
  }
  return before;
}

void check_along(const Pin& pin, const Tensor& x, const Tensor& indices, int64_t axis) {
  Shape expected = x.shape();
  if (indices.rank() == x.rank()) expected[static_cast<size_t>(axis)] = indices.dim(axis);
  if (indices.shape() != expected || (indices.dtype() != i32 && indices.dtype() != i64)) {
    pin.fail(fmt::format("indices {} do not fit axis {} of {}", indices.type(), axis, x.type()));
  }
}

}  // namespace sinter
