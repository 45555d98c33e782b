#include <algorithm>
#include <numeric>

#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"

namespace sinter::reference::kernels {
namespace {

std::vector<int64_t> integers(const HostTensor& x) {
  std::vector<int64_t> result;
  with_type(x.dtype(), [&]<typename T>() {
    for (T value : x.values<T>()) result.push_back(scalar::cast<int64_t>(value));
  });
  return result;
}

std::vector<int64_t> checked_indices(const Invocation& i, size_t operand, int64_t bound) {
  std::vector<int64_t> indices = integers(i.in[operand]);
  for (size_t n = 0; n < indices.size(); ++n) {
    if (indices[n] < 0 || indices[n] >= bound) {
      throw IndexFault{operand, static_cast<int64_t>(n), indices[n], bound};
    }
  }
  return indices;
}

// Calls body(offset in the whole, offset in the gathered) for each run of `inner` elements, in order.
template <typename Body>
void for_each_gathered(const AxisView& view, const std::vector<int64_t>& indices, Body body) {
  int64_t gathered = 0;
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (int64_t index : indices) {
      body((outer * view.extent + index) * view.inner, gathered);
      gathered += view.inner;
    }
  }
}

// Where a slice of `sizes` starts in `x`, its starts, from `first` on, clamped so that it fits.
int64_t clamped_offset(const Invocation& i, size_t first, const Shape& sizes) {
  const Shape& shape = i.in[0].shape();
  const Strides strides = row_major(shape);
  int64_t offset = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t start = integers(i.in[first + axis])[0];
    offset += std::clamp<int64_t>(start, 0, shape[axis] - sizes[axis]) * strides[axis];
  }
  return offset;
}

}  // namespace

void gather(const Invocation& i) {
  const AxisView view(i.in[0].shape(), i.attributes().integer("axis"));
  const auto indices = checked_indices(i, 1, view.extent);
  with_type(i.out[0].dtype(), [&]<typename T>() {
    for_each_gathered(view, indices, [&](int64_t whole, int64_t gathered) {
      std::copy_n(i.in[0].data<T>() + whole, view.inner, i.out[0].data<T>() + gathered);
    });
  });
}

void scatter_add(const Invocation& i) {
  const AxisView view(i.in[0].shape(), i.attributes().integer("axis"));
  const auto indices = checked_indices(i, 1, view.extent);
  with_number(i.out[0].dtype(), [&]<typename T>() {
    std::vector<Sum<T>> sums(i.in[0].data<T>(), i.in[0].data<T>() + i.in[0].size());
    for_each_gathered(view, indices, [&](int64_t whole, int64_t gathered) {
      const T* update = i.in[2].data<T>() + gathered;
      Sum<T>* sum = sums.data() + whole;
      for (int64_t n = 0; n < view.inner; ++n) sum[n] = scalar::add(sum[n], Sum<T>{update[n]});
    });
    round_sums<T>(sums, i.out[0]);
  });
}

void dynamic_slice(const Invocation& i) {
  const int64_t offset = clamped_offset(i, 1, i.out[0].shape());
  with_type(i.out[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>() + offset;
    T* out = i.out[0].data<T>();
    walk<1>(i.out[0].shape(), {row_major(i.in[0].shape())}, [&](const auto& at) { *out++ = x[at[0]]; });
  });
}

void dynamic_update(const Invocation& i) {
  const int64_t offset = clamped_offset(i, 2, i.in[1].shape());
  with_type(i.out[0].dtype(), [&]<typename T>() {
    std::copy_n(i.in[0].data<T>(), i.in[0].size(), i.out[0].data<T>());
    const T* update = i.in[1].data<T>();
    T* out = i.out[0].data<T>() + offset;
    walk<1>(i.in[1].shape(), {row_major(i.in[0].shape())}, [&](const auto& at) { out[at[0]] = *update++; });
  });
}

void top_k(const Invocation& i) {
  const int64_t k = i.attributes().integer("k");
  const AxisView view(i.in[0].shape(), static_cast<int64_t>(i.in[0].shape().size()) - 1);
  std::vector<int32_t> order(static_cast<size_t>(view.extent));
  with_number(i.in[0].dtype(), [&]<typename T>() {
    for (int64_t row = 0; row < view.outer; ++row) {
      const T* x = i.in[0].data<T>() + row * view.extent;
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](int32_t a, int32_t b) { return comes_before(x[a], x[b], true); });
      for (int64_t n = 0; n < k; ++n) {
        const int32_t place = order[static_cast<size_t>(n)];
        i.out[0].data<T>()[row * k + n] = x[place];
        i.out[1].data<int32_t>()[row * k + n] = place;
      }
    }
  });
}

void sort(const Invocation& i) {
  const AxisView view(i.in[0].shape(), static_cast<int64_t>(i.in[0].shape().size()) - 1);
  const bool falls = i.attributes().flag("descending");
  const int64_t run = i.attributes().has("run") ? i.attributes().integer("run") : view.extent;
  const int32_t* places = i.in.size() > 1 ? i.in[1].data<int32_t>() : nullptr;
  with_number(i.in[0].dtype(), [&]<typename T>() {
    for (int64_t row = 0; row < view.outer; ++row) {
      const int64_t first = row * view.extent;
      const T* x = i.in[0].data<T>() + first;
      std::vector<int32_t> order(static_cast<size_t>(view.extent));
      std::iota(order.begin(), order.end(), 0);
      for (int64_t begin = 0; begin < view.extent; begin += run) {
        const int64_t end = std::min(begin + run, view.extent);
        std::stable_sort(order.begin() + begin, order.begin() + end,
                         [&](int32_t a, int32_t b) { return comes_before(x[a], x[b], falls); });
      }
      for (int64_t n = 0; n < view.extent; ++n) {
        const int32_t place = order[static_cast<size_t>(n)];
        i.out[0].data<T>()[first + n] = x[place];
        i.out[1].data<int32_t>()[first + n] = places != nullptr ? places[first + place] : place;
      }
    }
  });
}

void check_index(const Invocation& i) {
  const int64_t bound = i.attributes().integer("bound");
  const auto values = integers(i.in[0]);
  for (size_t n = 0; n < values.size(); ++n) {
    if (i.attributes().has("ignore") && values[n] == i.attributes().integer("ignore")) continue;
    if (values[n] < 0 || values[n] >= bound) throw IndexFault{0, static_cast<int64_t>(n), values[n], bound};
  }
  stop_gradient(i);
}

void check_finite(const Invocation& i) {
  with_number(i.in[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>();
    for (int64_t n = 0; n < i.in[0].size(); ++n) {
      if (!std::isfinite(x[n])) throw FiniteFault{n, static_cast<double>(x[n])};
    }
  });
  stop_gradient(i);
}

}  // namespace sinter::reference::kernels
