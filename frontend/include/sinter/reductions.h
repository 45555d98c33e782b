#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

// Functions that fold axes away. A negative axis counts from the end.
namespace SINTER_EXPORT sinter {

// One axis, several, or all of them when left out: sum(x), sum(x, -1), sum(x, {0, 1}).
class Axes {
 public:
  Axes() = default;
  template <std::integral T>
  Axes(T axis) : Axes{static_cast<int64_t>(axis)} {}
  Axes(std::initializer_list<int64_t> axes) : given_(true), axes_(axes) {}
  Axes(std::vector<int64_t> axes) : given_(true), axes_(std::move(axes)) {}

  // Sorted and not negative, for the `rank` axes that x has in `what`. Throws Error where one is out of range
  // or given twice.
  std::vector<int64_t> of_rank(std::string_view what, int64_t rank, const Operand& x) const;
  int64_t count() const { return static_cast<int64_t>(axes_.size()); }  // 0: all

 private:
  bool given_ = false;
  std::vector<int64_t> axes_;
};

// Whether the axes that are folded away stay, with extent 1: sum(x, -1, keepdims).
enum class KeepDims : bool { no, yes };
inline constexpr KeepDims keepdims = KeepDims::yes;

Tensor sum(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);
Tensor mean(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);  // floating
// Floating: the sum of squared distances from the mean, divided by the count less `correction`: 0 for a
// population, 1 for a sample of one.
Tensor variance(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no, int64_t correction = 0);
// Its root; where that is 0, so is the gradient.
Tensor standard_deviation(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no, int64_t correction = 0);
Tensor norm(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);  // Euclidean; at 0 the gradient is 0
// log(sum(exp(x))), without overflow; -inf, with a gradient of 0, of -inf alone.
Tensor logsumexp(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);
Tensor product(Operand x, Axes axes = {},
               KeepDims keep = KeepDims::no);                         // its gradient is right beside 0, too
Tensor max(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);  // of nothing: the type's lowest
Tensor min(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);
// The position of the first largest (smallest) element, row-major over `axes`, i32. A NaN counts as largest.
Tensor argmax(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);
Tensor argmin(Operand x, Axes axes = {}, KeepDims keep = KeepDims::no);

// Running sum along an axis, from the end with `reverse`.
Tensor cumsum(Operand x, int64_t axis, bool reverse = false);

Tensor cumulative_product(Operand x, int64_t axis, bool reverse = false);
// log(cumsum(exp(x))), without overflow; floating.
Tensor log_cumulative_sum_exp(Operand x, int64_t axis, bool reverse = false);

struct RunningExtreme {
  Tensor values;
  Tensor positions;  // i32, along the axis; of equals the one reached last, which has the gradient
};
// The largest (smallest) element so far; NaN from one on.
RunningExtreme cumulative_max(Operand x, int64_t axis, bool reverse = false);
RunningExtreme cumulative_min(Operand x, int64_t axis, bool reverse = false);

// numpy's matmul: [...,m,k] and [...,k,n] give [...,m,n]; leading axes broadcast; vectors are taken as a row
// on the left, a column on the right.
Tensor matmul(Operand lhs, Operand rhs);
// The general product of two tensors, in the letters of einsum: contract(a, b, "bik,bkj->bij"). A letter
// stands for an axis; one that is missing on the right is summed over.
Tensor contract(Operand lhs, Operand rhs, const std::string& dims);

}  // namespace sinter
