#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/nn/resampling.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <algorithm>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

Tensor places_of(const std::vector<int32_t>& places) {
  return constant(Array::from<int32_t>(places, {static_cast<int64_t>(places.size())}));
}

Tensor resized_to_nearest(const Tensor& x, int64_t axis, int64_t extent) {
  const int64_t n = x.dim(axis);
  std::vector<int32_t> places;
  for (int64_t i = 0; i < extent; ++i) places.push_back(static_cast<int32_t>(i * n / extent));
  return gather(x, places_of(places), axis);
}

Tensor resized_linearly(const Tensor& x, int64_t axis, int64_t extent, bool align_corners) {
  const int64_t n = x.dim(axis);
  std::vector<int32_t> before, after;
  std::vector<float> weights;  // of those after
  for (int64_t i = 0; i < extent; ++i) {
    const auto at = static_cast<double>(i), from = static_cast<double>(n), to = static_cast<double>(extent);
    double place = std::max((at + 0.5) * from / to - 0.5, 0.0);
    if (align_corners) place = extent == 1 ? 0 : at * (from - 1) / (to - 1);
    const auto first = std::min(static_cast<int64_t>(place), n - 1);
    before.push_back(static_cast<int32_t>(first));
    after.push_back(static_cast<int32_t>(std::min(first + 1, n - 1)));
    weights.push_back(static_cast<float>(place - static_cast<double>(first)));
  }
  Shape along(static_cast<size_t>(x.rank() - axis), 1);
  along[0] = extent;
  const Tensor weight = cast(constant(Array::from<float>(weights, along)), x.dtype());
  return gather(x, places_of(before), axis) * (1 - weight) + gather(x, places_of(after), axis) * weight;
}

}  // namespace

Tensor resize(Operand operand, std::vector<int64_t> extents, const ResizeOptions& options) {
  const Pin call("resize", operand.where());
  Tensor x = operand.tensor();
  check_floating(call, "x", x);
  const auto axes = static_cast<int64_t>(extents.size());
  if (x.rank() < 3 || axes != x.rank() - 2)
    call.fail(fmt::format("takes x [n,c,spatial...] with {} spatial axes, got {}", axes, x.type()));
  for (int64_t i = 0; i < axes; ++i) {
    const int64_t axis = i + 2, extent = extents[static_cast<size_t>(i)];
    if (extent < 1 || x.dim(axis) < 1)
      call.fail(
          fmt::format("cannot make {} elements of axis {} of {}", extent, axis, operand.tensor().type()));
    if (extent == x.dim(axis)) continue;
    x = options.mode == Interpolation::nearest ? resized_to_nearest(x, axis, extent)
                                               : resized_linearly(x, axis, extent, options.align_corners);
  }
  return x;
}

namespace nn {

Upsample::Upsample(Module& owner, Name name, UpsampleOptions options)
    : Module(owner, checked("Upsample", owner, name,
                            [&](const Ranges& ranges) {
                              for (const int64_t factor : options.factor.all())
                                ranges.at_least(1, "factor", factor);
                            })),
      options_(std::move(options)) {}

Tensor Upsample::operator()(Operand operand) const {
  const Call call("Upsample", *this, operand.where());
  const Tensor x = operand.tensor();
  check_floating(call, "x", x);
  const auto& factor = options_.factor.all();
  const auto axes = static_cast<size_t>(std::max<int64_t>(x.rank() - 2, 0));
  if (axes == 0 || (factor.size() != 1 && factor.size() != axes))
    call.fail(fmt::format("takes x [n,c,spatial...] for {} factors, got {}", factor.size(), x.type()));
  std::vector<int64_t> extents;
  for (size_t i = 0; i < axes; ++i) extents.push_back(x.shape()[i + 2] * factor[factor.size() == 1 ? 0 : i]);
  return resize(x, extents, {.mode = options_.mode, .align_corners = options_.align_corners});
}

}  // namespace nn

}  // namespace sinter
