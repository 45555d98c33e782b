#include <cstring>

#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"

namespace sinter::reference::kernels {
namespace {

void copy_bytes(const Invocation& i) {
  std::memcpy(i.out[0].raw(), i.in[0].raw(), i.out[0].bytes());
}

// out[index] = x[offset + index . strides]
void read_strided(const Invocation& i, int64_t offset, const Strides& strides) {
  with_type(i.out[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>();
    T* out = i.out[0].data<T>();
    walk<1>(i.out[0].shape(), {strides}, [&](const auto& at) { *out++ = x[offset + at[0]]; });
  });
}

// out[offset + index . strides] = x[index]
void write_strided(const Invocation& i, const HostTensor& from, int64_t offset, const Strides& strides) {
  with_type(i.out[0].dtype(), [&]<typename T>() {
    const T* x = from.data<T>();
    T* out = i.out[0].data<T>();
    walk<1>(from.shape(), {strides}, [&](const auto& at) { out[offset + at[0]] = *x++; });
  });
}

// The strides of a window's axes in x.
Strides window_strides(const Shape& x, const graph::Attributes& attributes) {
  const auto axis = static_cast<size_t>(attributes.integer("axis"));
  Strides strides = row_major(x);
  strides.push_back(strides[axis] * attributes.integer("dilation"));
  strides[axis] *= attributes.integer("stride");
  return strides;
}

}  // namespace

void stop_gradient(const Invocation& i) {
  copy_bytes(i);
}
void reshape(const Invocation& i) {
  copy_bytes(i);
}

void transpose(const Invocation& i) {
  const Strides own = row_major(i.in[0].shape());
  Strides strides;
  for (int64_t axis : i.attributes().integers("permutation"))
    strides.push_back(own[static_cast<size_t>(axis)]);
  read_strided(i, 0, strides);
}

void broadcast(const Invocation& i) {
  const Shape& shape = i.in[0].shape();
  const Strides own = row_major(shape);
  const auto& dims = i.attributes().integers("dims");
  Strides strides(i.out[0].shape().size(), 0);
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (shape[axis] != 1) strides[static_cast<size_t>(dims[axis])] = own[axis];
  }
  read_strided(i, 0, strides);
}

void slice(const Invocation& i) {
  const auto &start = i.attributes().integers("start"), &stride = i.attributes().integers("stride");
  Strides strides = row_major(i.in[0].shape());
  int64_t offset = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    offset += start[axis] * strides[axis];
    strides[axis] *= stride[axis];
  }
  read_strided(i, offset, strides);
}

void reverse(const Invocation& i) {
  Strides strides = row_major(i.in[0].shape());
  int64_t offset = 0;
  for (int64_t axis : i.attributes().integers("axes")) {
    int64_t& stride = strides[static_cast<size_t>(axis)];
    offset += stride * (i.in[0].shape()[static_cast<size_t>(axis)] - 1);
    stride = -stride;
  }
  read_strided(i, offset, strides);
}

void window(const Invocation& i) {
  read_strided(i, 0, window_strides(i.in[0].shape(), i.attributes()));
}

void fold(const Invocation& i) {
  const Strides strides = window_strides(i.out[0].shape(), i.attributes());
  with_number(i.out[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>();
    std::vector<Sum<T>> sums(static_cast<size_t>(i.out[0].size()));
    walk<1>(i.in[0].shape(), {strides}, [&](const auto& at) {
      Sum<T>& sum = sums[static_cast<size_t>(at[0])];
      sum = scalar::add(sum, Sum<T>{*x++});
    });
    round_sums<T>(sums, i.out[0]);
  });
}

void pad(const Invocation& i) {
  with_type(i.out[0].dtype(), [&]<typename T>() {
    const graph::Attribute& value = *i.attributes().find("value");
    const auto* whole = std::get_if<int64_t>(&value);
    std::fill_n(i.out[0].data<T>(), i.out[0].size(),
                whole != nullptr ? scalar::cast<T>(*whole) : scalar::cast<T>(std::get<double>(value)));
  });
  const auto &low = i.attributes().integers("low"), &interior = i.attributes().integers("interior");
  Strides strides = row_major(i.out[0].shape());
  int64_t offset = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    offset += low[axis] * strides[axis];
    strides[axis] *= interior[axis] + 1;
  }
  write_strided(i, i.in[0], offset, strides);
}

void concat(const Invocation& i) {
  const auto axis = static_cast<size_t>(i.attributes().integer("axis"));
  const Strides strides = row_major(i.out[0].shape());
  int64_t offset = 0;
  for (const HostTensor& part : i.in) {
    write_strided(i, part, offset, strides);
    offset += part.shape()[axis] * strides[axis];
  }
}

}  // namespace sinter::reference::kernels
