#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "backends/reference/kernels.h"
#include "ir/error.h"
#include "runtime/tensor.h"

namespace sinter::reference {

using runtime::HostTensor;
using runtime::Shape;
using Strides = std::vector<int64_t>;  // in elements, one for each axis

inline Strides row_major(const Shape& shape) {
  Strides strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// Calls body(offsets) for every index of `shape` in row-major order, offsets[n] being the sum of index times
// strides[n].
template <size_t N, typename Body>
void walk(const Shape& shape, const std::array<Strides, N>& strides, Body body) {
  if (runtime::element_count(shape) == 0) return;
  std::array<int64_t, N> offsets{};
  Shape index(shape.size(), 0);
  while (true) {
    body(static_cast<const std::array<int64_t, N>&>(offsets));
    size_t axis = shape.size();
    while (axis-- > 0) {
      ++index[axis];
      for (size_t n = 0; n < N; ++n) offsets[n] += strides[n][axis];
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
      for (size_t n = 0; n < N; ++n) offsets[n] -= strides[n][axis] * shape[axis];
      if (axis == 0) return;
    }
    if (shape.empty()) return;
  }
}

// Whether `a` stands before `b` in an order that rises or falls; NaN counts as the largest.
template <typename T>
bool comes_before(T a, T b, bool falls) {
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan || b_nan) return falls ? a_nan && !b_nan : b_nan && !a_nan;
  return falls ? a > b : a < b;
}

// For each axis of a reduction's operand, its stride in the result: 0 where it is reduced.
inline Strides kept_strides(const Invocation& i) {
  const auto& axes = i.attributes().integers("axes");
  const Strides result = row_major(i.out[0].shape());
  Strides strides(i.in[0].shape().size(), 0);
  size_t next = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(axis)) != axes.end();
    if (!reduced) strides[axis] = result[next++];
  }
  return strides;
}

// For each axis of a reduction's operand, its stride in the row-major order of the reduced axes: 0 where it
// is kept.
inline Strides reduced_strides(const Invocation& i) {
  const auto& axes = i.attributes().integers("axes");
  Strides strides(i.in[0].shape().size(), 0);
  int64_t stride = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    strides[static_cast<size_t>(*axis)] = stride;
    stride *= i.in[0].shape()[static_cast<size_t>(*axis)];
  }
  return strides;
}

// A tensor's extents around an axis: [outer, extent, inner].
struct AxisView {
  int64_t outer = 1, extent = 1, inner = 1;

  AxisView(const Shape& shape, int64_t axis) {
    const auto at = static_cast<size_t>(axis);
    for (size_t i = 0; i < at; ++i) outer *= shape[i];
    extent = shape[at];
    for (size_t i = at + 1; i < shape.size(); ++i) inner *= shape[i];
  }
};

// What sums of T are kept in.
template <typename T>
using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;

template <typename T>
void round_sums(const std::vector<Sum<T>>& sums, HostTensor& out) {
  std::transform(sums.begin(), sums.end(), out.data<T>(), [](Sum<T> sum) { return static_cast<T>(sum); });
}

inline bool is_floating(const HostTensor& tensor) {
  using runtime::DType;
  return tensor.dtype() != DType::i32 && tensor.dtype() != DType::i64 && tensor.dtype() != DType::boolean;
}

// Calls body.operator()<T>() with the C++ type of `type`.
template <typename Body>
void with_type(runtime::DType type, Body body) {
  switch (type) {
    case runtime::DType::f32:
      return body.template operator()<float>();
    case runtime::DType::f64:
      return body.template operator()<double>();
    case runtime::DType::i32:
      return body.template operator()<int32_t>();
    case runtime::DType::i64:
      return body.template operator()<int64_t>();
    case runtime::DType::boolean:
      return body.template operator()<bool>();
    case runtime::DType::f16:
    case runtime::DType::bf16:
      break;
  }
  throw GraphError("reference: does not compute in " + std::string(runtime::name(type)));
}

// For ops on numbers, which the type rules keep bool from.
template <typename Body>
void with_number(runtime::DType type, Body body) {
  if (type == runtime::DType::boolean) throw InternalError("reference: a bool where a number was expected");
  with_type(type, [&]<typename T>() {
    if constexpr (!std::is_same_v<T, bool>) body.template operator()<T>();
  });
}

}  // namespace sinter::reference
