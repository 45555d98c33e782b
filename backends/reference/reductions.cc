#include <algorithm>
#include <limits>

#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"

namespace sinter::reference::kernels {
namespace {

template <typename T, typename F>
void reduce(const Invocation& i, T initial, F combine) {
  const T* x = i.in[0].data<T>();
  T* out = i.out[0].data<T>();
  std::fill(out, out + i.out[0].size(), initial);
  walk<2>(i.in[0].shape(), {row_major(i.in[0].shape()), kept_strides(i)}, [&](const auto& at) {
    T& result = out[at[1]];
    result = combine(result, x[at[0]]);
  });
}

template <typename T>
constexpr T lowest() {
  if constexpr (std::floating_point<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

template <typename T>
constexpr T highest() {
  if constexpr (std::floating_point<T>) return std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::max();
}

}  // namespace

void reduce_sum(const Invocation& i) {
  with_number(i.out[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>();
    std::vector<Sum<T>> sums(static_cast<size_t>(i.out[0].size()));
    walk<2>(i.in[0].shape(), {row_major(i.in[0].shape()), kept_strides(i)}, [&](const auto& at) {
      Sum<T>& sum = sums[static_cast<size_t>(at[1])];
      sum = scalar::add(sum, Sum<T>{x[at[0]]});
    });
    round_sums<T>(sums, i.out[0]);
  });
}

void reduce_max(const Invocation& i) {
  with_type(i.out[0].dtype(), [&]<typename T>() { reduce<T>(i, lowest<T>(), scalar::max<T>); });
}

void reduce_min(const Invocation& i) {
  with_type(i.out[0].dtype(), [&]<typename T>() { reduce<T>(i, highest<T>(), scalar::min<T>); });
}

void argmax(const Invocation& i) {
  with_type(i.in[0].dtype(), [&]<typename T>() {
    const T* x = i.in[0].data<T>();
    int32_t* out = i.out[0].data<int32_t>();
    std::vector<int64_t> best(static_cast<size_t>(i.out[0].size()), -1);  // where in the operand it stands
    const Shape& shape = i.in[0].shape();
    walk<3>(shape, {row_major(shape), kept_strides(i), reduced_strides(i)}, [&](const auto& at) {
      int64_t& place = best[static_cast<size_t>(at[1])];
      const T value = x[at[0]];
      const bool better = place < 0 || (x[place] == x[place] && (value != value || value > x[place]));
      if (!better) return;
      place = at[0];
      out[at[1]] = static_cast<int32_t>(at[2]);
    });
  });
}

void cumsum(const Invocation& i) {
  const AxisView view(i.in[0].shape(), i.attributes().integer("axis"));
  const bool backwards = i.attributes().flag("reverse");
  with_number(i.out[0].dtype(), [&]<typename T>() {
    for (int64_t outer = 0; outer < view.outer; ++outer) {
      for (int64_t inner = 0; inner < view.inner; ++inner) {
        Sum<T> sum{0};
        for (int64_t n = 0; n < view.extent; ++n) {
          const int64_t place = backwards ? view.extent - 1 - n : n;
          const int64_t at = (outer * view.extent + place) * view.inner + inner;
          sum = scalar::add(sum, Sum<T>{i.in[0].data<T>()[at]});
          i.out[0].data<T>()[at] = static_cast<T>(sum);
        }
      }
    }
  });
}

}  // namespace sinter::reference::kernels
