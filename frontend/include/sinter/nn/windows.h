#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

#include <concepts>
#include <initializer_list>
#include <vector>

// Convolution and pooling: functions of windows that move along the spatial axes of x [n,c,spatial...], on
// floating tensors. Sizes, strides, paddings and dilations are lists of one number for each spatial axis, or
// of one for all of them. Along an axis of extent n a window reaches dilation * (size - 1) + 1 elements, and
// there are (n + padding on both sides - reach) / stride + 1 of them.
namespace SINTER_EXPORT sinter {

// How far x goes on beyond the ends of the spatial axes: {1, 2} as far before as after each.
class Padding {
 public:
  Padding() = default;
  template <std::integral T>
  Padding(T both) : Padding(std::vector<int64_t>{static_cast<int64_t>(both)}) {}
  Padding(std::initializer_list<int64_t> both) : low_(both), high_(both) {}
  Padding(std::vector<int64_t> both) : low_(both), high_(std::move(both)) {}
  static Padding sides(std::vector<int64_t> low, std::vector<int64_t> high);  // before and after
  // So many that there are extent / stride windows, rounded up; of an odd number one more comes after.
  static Padding same();

  const std::vector<int64_t>& low() const { return low_; }
  const std::vector<int64_t>& high() const { return high_; }
  bool is_same() const { return is_same_; }

 private:
  std::vector<int64_t> low_, high_;  // empty: 0
  bool is_same_ = false;
};

struct ConvolutionOptions {
  std::vector<int64_t> stride = {};  // 1 when left out
  Padding padding = {};              // zeros
  std::vector<int64_t> dilation = {};
  int64_t groups = 1;
  Tensor bias = {};  // [o]
};
// x [n,c,spatial...] and kernel [o,c/groups,spatial...] give [n,o,spatial...].
Tensor convolution(Operand x, Operand kernel, const ConvolutionOptions& options = {});

struct TransposedConvolutionOptions {
  std::vector<int64_t> stride = {};
  Padding padding = {};                      // cut from both ends; not same
  std::vector<int64_t> output_padding = {};  // elements more after; below the stride or the dilation
  std::vector<int64_t> dilation = {};
  int64_t groups = 1;
  Tensor bias = {};  // [o]
};
// The adjoint of convolution: x [n,c,spatial...] and kernel [c,o/groups,spatial...] give [n,o,spatial...], of
// extents (n - 1) * stride + reach - padding on both sides + output_padding.
Tensor transposed_convolution(Operand x, Operand kernel, const TransposedConvolutionOptions& options = {});

struct PoolOptions {
  std::vector<int64_t> stride = {};  // size when left out
  Padding padding = {};              // at most half of a window's reach on a side
  std::vector<int64_t> dilation = {};
  // A last window that goes beyond the padding counts where it begins before it, as in PyTorch.
  bool ceil_mode = false;
};
// The largest element of each window; padding counts as -inf. Equals share the gradient.
Tensor max_pool(Operand x, std::vector<int64_t> size, const PoolOptions& options = {});

struct AveragePoolOptions {
  std::vector<int64_t> stride = {};
  Padding padding = {};
  std::vector<int64_t> dilation = {};
  bool ceil_mode = false;
  bool count_padding = true;  // as zeros; what ceil_mode adds never counts
};
Tensor average_pool(Operand x, std::vector<int64_t> size, const AveragePoolOptions& options = {});

// As many windows as `extents` says, one number for each spatial axis: window i of an axis of extent n is
// from i * n / extent, rounded down, to (i + 1) * n / extent, rounded up.
Tensor adaptive_max_pool(Operand x, std::vector<int64_t> extents);
Tensor adaptive_average_pool(Operand x, std::vector<int64_t> extents);
// Of all elements of a channel: [n,c,1...].
Tensor global_max_pool(Operand x);
Tensor global_average_pool(Operand x);

}  // namespace sinter
