#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"

namespace sinter::reference::kernels {
namespace {

// The stride in a tensor of each of `letters`, 0 where the tensor has no such axis.
Strides strides_of(const std::string& letters, const std::string& axes, const Shape& shape) {
  const Strides own = row_major(shape);
  Strides strides;
  for (char letter : letters) {
    const size_t axis = axes.find(letter);
    strides.push_back(axis == std::string::npos ? 0 : own[axis]);
  }
  return strides;
}

}  // namespace

// The last axis of the result is the innermost loop, so that each element adds its terms in row-major order
// of the summed axes and the loop is one over vectors.
void contract(const Invocation& i) {
  const auto dims = graph::ContractDims::parse(i.attributes().text("dims"));
  std::string letters = dims.result;
  Shape extents = i.out[0].shape();
  char last = 0;
  int64_t row = 1;
  if (!letters.empty()) {
    last = letters.back();
    row = extents.back();
    letters.pop_back();
    extents.pop_back();
  }
  for (size_t axis = 0; axis < dims.lhs.size(); ++axis) {
    if (!dims.is_summed(dims.lhs[axis])) continue;
    letters += dims.lhs[axis];
    extents.push_back(i.in[0].shape()[axis]);
  }
  const auto strides = [&](const std::string& of) -> std::array<Strides, 3> {
    return {strides_of(of, dims.lhs, i.in[0].shape()), strides_of(of, dims.rhs, i.in[1].shape()),
            strides_of(of, dims.result, i.out[0].shape())};
  };
  const auto step = strides(std::string(last == 0 ? 0u : 1u, last));
  const int64_t lhs_step = last == 0 ? 0 : step[0][0], rhs_step = last == 0 ? 0 : step[1][0];
  with_number(i.out[0].dtype(), [&]<typename T>() {
    const T *lhs = i.in[0].data<T>(), *rhs = i.in[1].data<T>();
    std::vector<Sum<T>> sums(static_cast<size_t>(i.out[0].size()));
    walk<3>(extents, strides(letters), [&](const auto& at) {
      const T *x = lhs + at[0], *y = rhs + at[1];
      Sum<T>* sum = sums.data() + at[2];
      for (int64_t n = 0; n < row; ++n) {
        sum[n] = scalar::add(sum[n], scalar::mul(Sum<T>{x[n * lhs_step]}, Sum<T>{y[n * rhs_step]}));
      }
    });
    round_sums<T>(sums, i.out[0]);
  });
}

}  // namespace sinter::reference::kernels
