#include <fmt/format.h>
#include <sinter/sources.h>

#include <cmath>

#include "frontend/trace/emit.h"
#include "frontend/trace/number.h"

namespace sinter {
namespace {

// make(builder, the shape) at `where`.
template <typename F>
Tensor source(std::string_view what, const Extents& extents, const Where& where, F&& make) {
  Trace& trace = Trace::current(what, where);
  Shape shape = trace.bind(what, extents, where);
  return built(trace, what, [&] { return trace.wrap(make(trace.builder(where), std::move(shape))); });
}

// x * factor + offset, without the parts that change nothing.
graph::Value affine(Builder& b, graph::Value x, double factor, double offset) {
  if (factor != 1) x = b.mul(x, b.scalar_like(factor, x));
  if (offset != 0) x = b.add(x, b.scalar_like(offset, x));
  return x;
}

template <typename To, Element T>
std::vector<To> elements(const Array& values) {
  const auto span = values.values<T>();
  return {span.begin(), span.end()};
}

graph::Value table(Builder& b, const Array& values) {
  const graph::TensorType type{to_graph(values.dtype()), values.shape()};
  switch (values.dtype()) {
    case f64:
      return b.table(elements<double, double>(values), type);
    case i32:
      return b.table_int(elements<int64_t, int32_t>(values), type);
    case i64:
      return b.table_int(elements<int64_t, int64_t>(values), type);
    case boolean:
      return b.table_int(elements<int64_t, bool>(values), type);
    default:
      return b.table(elements<double, float>(values), type);
  }
}

}  // namespace

Tensor full(Extents shape, Number value, DType type, Where where) {
  if (is_real(value) && !graph::is_floating(to_graph(type))) {
    const double real = value.real();
    ranges_at("full", where).require(std::trunc(real) == real, "value", "whole for integers", real);
  }
  return source("full", shape, where, [&](Builder& b, Shape bound) {
    const graph::Attribute number = value_in("full", value, to_graph(type), where);
    if (const auto* whole = std::get_if<int64_t>(&number)) {
      return b.constant_int(*whole, to_graph(type), std::move(bound));
    }
    return b.constant(std::get<double>(number), to_graph(type), std::move(bound));
  });
}
Tensor zeros(Extents shape, DType type, Where where) {
  return full(std::move(shape), 0, type, where);
}
Tensor ones(Extents shape, DType type, Where where) {
  return full(std::move(shape), 1, type, where);
}
Tensor zeros_like(Operand x) {
  const Tensor tensor = x.tensor();
  return full(tensor.shape(), 0, tensor.dtype(), x.where());
}
Tensor ones_like(Operand x) {
  const Tensor tensor = x.tensor();
  return full(tensor.shape(), 1, tensor.dtype(), x.where());
}

Tensor eye(Extent size, DType type, Where where) {
  return source("eye", {size, size}, where, [&](Builder& b, const Shape& bound) {
    const graph::TensorType places{graph::DType::i32, bound};
    const graph::Value row = b.iota(places, 0), column = b.iota(places, 1);
    return b.cast(b.equal(row, column), to_graph(type));
  });
}

Tensor constant(const Array& values, Where where) {
  return source("constant", values.shape(), where, [&](Builder& b, Shape) { return table(b, values); });
}

Tensor iota(Extents shape, int64_t axis, DType type, Where where) {
  return source("iota", shape, where, [&](Builder& b, Shape bound) {
    return b.iota({to_graph(type), std::move(bound)}, axis);
  });
}
Tensor arange(Extent count, DType type, Where where) {
  return source("arange", {std::move(count)}, where, [&](Builder& b, Shape bound) {
    return b.iota({to_graph(type), std::move(bound)}, 0);
  });
}

Tensor random_uniform(Extents shape, double low, double high, DType type, Where where) {
  Trace& trace = Trace::current("random_uniform", where);
  const Ranges ranges = ranges_at("random_uniform", where);
  ranges.finite("low", low);
  ranges.require(high >= low && std::isfinite(high), "high", "finite and not below low", high);
  const graph::Value salt = trace.salt();
  const int64_t key = trace.random_key();
  return source("random_uniform", shape, where, [&](Builder& b, Shape bound) {
    return affine(b, b.random_uniform({to_graph(type), std::move(bound)}, key, salt), high - low, low);
  });
}

Tensor random_normal(Extents shape, double mean, double deviation, DType type, Where where) {
  Trace& trace = Trace::current("random_normal", where);
  const Ranges ranges = ranges_at("random_normal", where);
  ranges.finite("mean", mean);
  ranges.not_negative("deviation", deviation);
  const graph::Value salt = trace.salt();
  const int64_t key = trace.random_key();
  return source("random_normal", shape, where, [&](Builder& b, Shape bound) {
    return affine(b, b.random_normal({to_graph(type), std::move(bound)}, key, salt), deviation, mean);
  });
}

}  // namespace sinter
