#pragma once

#include <sinter/export.h>
#include <sinter/nn/convolution.h>

// Other extents of the spatial axes of x [n,c,spatial...].
namespace SINTER_EXPORT sinter {

enum class Interpolation { nearest, linear };
struct ResizeOptions {
  Interpolation mode = Interpolation::nearest;
  // Of linear: the first and last elements stay first and last, so that elements are points; else each is an
  // interval, and these cover the same extent before and after.
  bool align_corners = false;
};
// A number for each spatial axis. Element i of m of an axis that had n: nearest, of element i * n / m,
// rounded down; linear, of the two beside (i + 0.5) * n / m - 0.5, or i * (n - 1) / (m - 1) with aligned
// corners, axis by axis.
Tensor resize(Operand x, std::vector<int64_t> extents, const ResizeOptions& options = {});

namespace nn {

struct UpsampleOptions {
  Sizes factor = 2;
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  // as ResizeOptions
};
// Each spatial axis `factor` times as long.
class Upsample : public Module {
 public:
  Upsample(Module& owner, Name name, UpsampleOptions options = {});
  Tensor operator()(Operand x) const;

 private:
  UpsampleOptions options_;
};

}  // namespace nn

}  // namespace sinter
