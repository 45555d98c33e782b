#include <fmt/format.h>
#include <sinter/array.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/nn/windows.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <algorithm>
#include <limits>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"
#include "ir/graph/composites/window.h"

// A padding that differs from side to side, and one of other elements than zeros, is a view under the
// composite, as if the user had padded x.
namespace sinter {
namespace {

using graph::kWindowNumbers, graph::kWindowPlaces;

constexpr size_t kFirstSpatial = graph::kFirstSpatial;

// The spatial axes of a call's x, and what it is given for each of them.
class Spatial {
 public:
  Spatial(const Pin& pin, const Tensor& x) : pin_(pin), x_(x), rank_(std::max<int64_t>(x.rank() - 2, 0)) {
    if (rank_ < 1 || rank_ > static_cast<int64_t>(kWindowNumbers.size()))
      pin.fail(fmt::format("takes x [n,c,spatial...], got {}", x.type()));
  }

  size_t count() const { return static_cast<size_t>(rank_); }
  const Shape& shape() const { return x_.shape(); }
  int64_t extent(size_t i) const { return x_.shape()[kFirstSpatial + i]; }
  std::vector<int64_t> axes() const {
    std::vector<int64_t> axes(count());
    for (size_t i = 0; i < count(); ++i) axes[i] = static_cast<int64_t>(kFirstSpatial + i);
    return axes;
  }

  // A number for each axis; `otherwise` where none is given.
  std::vector<int64_t> each(std::string_view option, const std::vector<int64_t>& given,
                            int64_t otherwise) const {
    if (given.size() == count()) return given;
    if (given.size() > 1)
      pin_.fail(fmt::format("'{}' has {} numbers for x {}", option, given.size(), x_.type()));
    return std::vector<int64_t>(count(), given.empty() ? otherwise : given.front());
  }
  void require(bool holds, size_t i, std::string_view message) const {
    if (!holds) pin_.fail(fmt::format("{} on axis {} of x {}", message, kFirstSpatial + i, x_.type()));
  }

 private:
  const Pin& pin_;
  const Tensor& x_;
  int64_t rank_;
};

// How windows lie on each spatial axis.
struct Layout {
  std::vector<int64_t> size, stride, dilation, low, high;

  Layout(const Spatial& spatial, std::vector<int64_t> sizes, const std::vector<int64_t>& strides,
         const std::vector<int64_t>& dilations, const Padding& padding)
      : size(std::move(sizes)),
        stride(spatial.each("stride", strides, 1)),
        dilation(spatial.each("dilation", dilations, 1)),
        low(spatial.each("padding", padding.low(), 0)),
        high(spatial.each("padding", padding.high(), 0)) {
    for (size_t i = 0; i < size.size(); ++i) {
      spatial.require(size[i] >= 1 && stride[i] >= 1 && dilation[i] >= 1, i,
                      fmt::format("size {}, stride {} and dilation {} must be at least 1", size[i], stride[i],
                                  dilation[i]));
      spatial.require(low[i] >= 0 && high[i] >= 0, i, "negative padding");
      if (!padding.is_same()) continue;
      const int64_t last = (spatial.extent(i) - 1) / stride[i] * stride[i];
      const int64_t missing = std::max<int64_t>(last + reach(i) - spatial.extent(i), 0);
      low[i] = missing / 2;
      high[i] = missing - low[i];
    }
  }

  int64_t reach(size_t i) const { return dilation[i] * (size[i] - 1) + 1; }
};

std::vector<int64_t> around(const std::vector<int64_t>& spatial) {
  std::vector<int64_t> all(kFirstSpatial, 0);
  all.insert(all.end(), spatial.begin(), spatial.end());
  return all;
}

bool any(const std::vector<int64_t>& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](int64_t n) { return n != 0; });
}

Tensor with_padding(const Tensor& x, const std::vector<int64_t>& low, const std::vector<int64_t>& high,
                    double value) {
  return any(low) || any(high) ? pad(x, around(low), around(high), value) : x;
}

// [1,o,1...] as the spatial axes of y want it.
Tensor with_bias(const Tensor& y, const Tensor& bias) {
  if (!bias.defined()) return y;
  Shape channels(static_cast<size_t>(y.rank()) - 1, 1);
  channels[0] = bias.size();
  return y + reshape(bias, channels);
}

// An axis as `groups` and what is left of it.
Tensor split_axis(const Tensor& x, size_t axis, int64_t groups) {
  Shape shape = x.shape();
  const auto place = shape.begin() + static_cast<std::ptrdiff_t>(axis);
  *place /= groups;
  shape.insert(place, groups);
  return reshape(x, shape);
}

// The padding that a pool has in the end: with what ceil_mode adds after.
Layout pool_layout(const Spatial& spatial, const std::vector<int64_t>& size, const PoolOptions& options) {
  const std::vector<int64_t> sizes = spatial.each("size", size, 1);
  Layout layout(spatial, sizes, options.stride.empty() ? sizes : options.stride, options.dilation,
                options.padding);
  for (size_t i = 0; i < spatial.count(); ++i) {
    if (!options.padding.is_same()) {
      const int64_t most = layout.reach(i) / 2;
      spatial.require(layout.low[i] <= most && layout.high[i] <= most, i,
                      fmt::format("padding {} and {} is more than half of a window's reach of {}",
                                  layout.low[i], layout.high[i], layout.reach(i)));
    }
    if (!options.ceil_mode) continue;
    const int64_t extent = layout.low[i] + spatial.extent(i) + layout.high[i];
    const int64_t beyond = std::max<int64_t>(extent - layout.reach(i), 0) % layout.stride[i];
    const int64_t missing = beyond == 0 ? 0 : layout.stride[i] - beyond;
    const int64_t begin = extent + missing - layout.reach(i);  // of one window more
    if (begin < layout.low[i] + spatial.extent(i)) layout.high[i] += missing;
  }
  return layout;
}

Tensor pooled(OpCode code, const Tensor& x, const Layout& layout, double beyond) {
  const Tensor padded = with_padding(x, layout.low, layout.high, beyond);
  return build(name(code), {padded}, [&](Builder& b, const Values& v) {
    graph::Attributes attributes{{"size", layout.size}, {"stride", layout.stride}};
    const bool is_dilated =
        std::any_of(layout.dilation.begin(), layout.dilation.end(), [](int64_t d) { return d != 1; });
    if (is_dilated) attributes.set("dilation", layout.dilation);
    return b.emit(code, v, attributes).result();
  });
}

// How many places of each window count that lie within `low` before and `high` after x, as a factor to the
// average over all of its places: nothing where it is 1 everywhere.
Tensor correction(const Spatial& spatial, const Layout& layout, const Tensor& average,
                  const std::vector<int64_t>& low, const std::vector<int64_t>& high) {
  Tensor factor;
  for (size_t i = 0; i < spatial.count(); ++i) {
    const auto axis = kFirstSpatial + i;
    const int64_t windows = average.shape()[axis];
    std::vector<double> factors;
    for (int64_t number = 0; number < windows; ++number) {
      int64_t count = 0;
      for (int64_t place = 0; place < layout.size[i]; ++place) {
        const int64_t at = number * layout.stride[i] + place * layout.dilation[i] - layout.low[i];
        count += at >= -low[i] && at < spatial.extent(i) + high[i] ? 1 : 0;
      }
      factors.push_back(static_cast<double>(layout.size[i]) /
                        static_cast<double>(std::max<int64_t>(count, 1)));
    }
    if (std::all_of(factors.begin(), factors.end(), [](double f) { return f == 1; })) continue;
    Shape shape(average.shape().size(), 1);
    shape[axis] = windows;
    const Tensor along = build("average_pool", {average}, [&](Builder& b, const Values& v) {
      return b.table(factors, {v[0].dtype(), shape});
    });
    factor = factor.defined() ? factor * along : along;
  }
  return factor;
}

using AxisFold = Tensor (*)(Operand, Axes, KeepDims);

// Folds an axis of x in `windows` windows of about the same size; of max, `beyond` is below all elements.
Tensor adapted(const Tensor& x, int64_t axis, int64_t windows, AxisFold fold, double beyond) {
  const int64_t extent = x.dim(axis);
  if (extent % windows == 0)
    return fold(split_axis(x, static_cast<size_t>(axis), windows), axis + 1, KeepDims::no);
  const auto begin = [&](int64_t i) { return i * extent / windows; };
  const auto end = [&](int64_t i) { return ((i + 1) * extent + windows - 1) / windows; };
  int64_t longest = 0;
  for (int64_t i = 0; i < windows; ++i) longest = std::max(longest, end(i) - begin(i));
  std::vector<int32_t> places, counts;
  for (int64_t i = 0; i < windows; ++i) {
    counts.push_back(static_cast<int32_t>(end(i) - begin(i)));
    for (int64_t k = 0; k < longest; ++k)
      places.push_back(static_cast<int32_t>(std::min(begin(i) + k, end(i) - 1)));
  }
  Shape shape(static_cast<size_t>(x.rank() - axis) + 1, 1);  // from the axis on: its windows, their places
  shape[0] = windows;
  const Tensor lengths = constant(Array::from<int32_t>(counts, shape));
  shape[1] = longest;
  const Tensor is_own = iota(shape, 1) < lengths;
  const Tensor laid = gather(x, constant(Array::from<int32_t>(places, {windows, longest})), axis);
  const Tensor folded = fold(where(is_own, laid, beyond), axis + 1, KeepDims::no);
  if (fold == static_cast<AxisFold>(max)) return folded;
  return folded * (static_cast<double>(longest) / cast(squeeze(lengths, 1), x.dtype()));
}

Tensor adapted(std::string_view what, const Operand& operand, const std::vector<int64_t>& extents,
               AxisFold fold, double beyond) {
  const Pin pin(what, operand.where());
  const Tensor image = operand.tensor();
  check_floating(pin, "x", image);
  const Spatial spatial(pin, image);
  const std::vector<int64_t> windows = spatial.each("extents", extents, 1);
  Tensor x = image;
  for (size_t i = 0; i < spatial.count(); ++i) {
    spatial.require(windows[i] >= 1 && spatial.extent(i) >= 1, i, fmt::format("{} windows", windows[i]));
    x = adapted(x, static_cast<int64_t>(kFirstSpatial + i), windows[i], fold, beyond);
  }
  return x;
}

}  // namespace

Padding Padding::sides(std::vector<int64_t> low, std::vector<int64_t> high) {
  Padding padding;
  padding.low_ = std::move(low);
  padding.high_ = std::move(high);
  return padding;
}

Padding Padding::same() {
  Padding padding;
  padding.is_same_ = true;
  return padding;
}

Tensor convolution(Operand x, Operand kernel, const ConvolutionOptions& options) {
  const Pin pin("convolution", x.where());
  const Tensor image = x.tensor(), weights = kernel.tensor();
  const Spatial spatial(pin, image);
  if (weights.rank() != image.rank())
    pin.fail(fmt::format("kernel {} does not fit x {}", weights.type(), image.type()));
  const Layout layout(spatial, {weights.shape().begin() + kFirstSpatial, weights.shape().end()},
                      options.stride, options.dilation, options.padding);
  for (size_t i = 0; i < spatial.count(); ++i) {
    const int64_t extent = layout.low[i] + spatial.extent(i) + layout.high[i];
    spatial.require(layout.reach(i) <= extent, i,
                    fmt::format("a kernel that reaches over {} is longer than all {} with padding",
                                layout.reach(i), extent));
  }
  const bool is_even = layout.low == layout.high;
  std::vector<Operand> operands{is_even ? image : with_padding(image, layout.low, layout.high, 0), weights};
  if (options.bias.defined()) operands.emplace_back(options.bias);
  const graph::Attributes attributes{
      {"stride", layout.stride},
      {"padding", is_even ? layout.low : std::vector<int64_t>(spatial.count(), 0)},
      {"dilation", layout.dilation},
      {"groups", options.groups}};
  return build("convolution", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::convolution, v, attributes).result();
  });
}

Tensor transposed_convolution(Operand x, Operand kernel, const TransposedConvolutionOptions& options) {
  const Pin pin("transposed_convolution", x.where());
  const Tensor image = x.tensor(), weights = kernel.tensor();
  const Spatial spatial(pin, image);
  const int64_t groups = options.groups;
  if (groups < 1 || weights.rank() != image.rank() || weights.dim(0) != image.dim(1) ||
      weights.dim(0) % groups != 0) {
    pin.fail(fmt::format("kernel {} with {} groups does not fit x {}", weights.type(), groups, image.type()));
  }
  if (options.padding.is_same()) pin.fail("takes padding in numbers, not the same");
  if (options.bias.defined() && options.bias.shape() != Shape{weights.dim(1) * groups})
    pin.fail(fmt::format("bias {} does not fit kernel {}", options.bias.type(), weights.type()));
  const Layout layout(spatial, {weights.shape().begin() + kFirstSpatial, weights.shape().end()},
                      options.stride, options.dilation, options.padding);
  const std::vector<int64_t> more = spatial.each("output_padding", options.output_padding, 0);

  const std::string numbers(kWindowNumbers.substr(0, spatial.count())),
      places(kWindowPlaces.substr(0, spatial.count()));
  Tensor y = contract(split_axis(image, 1, groups), split_axis(weights, 0, groups),
                      "ngc" + numbers + ",gco" + places + "->ngo" + numbers + places);
  // From the last axis on: its places are the last ones left.
  for (size_t i = spatial.count(); i-- > 0;) {
    const auto axis = static_cast<int64_t>(kFirstSpatial + 1 + i);
    const int64_t whole = (spatial.extent(i) - 1) * layout.stride[i] + layout.reach(i);
    const int64_t limit = whole - layout.high[i] + more[i];
    spatial.require(more[i] >= 0 && more[i] < std::max(layout.stride[i], layout.dilation[i]), i,
                    fmt::format("output_padding {} is not in [0,{}), the stride or the dilation", more[i],
                                std::max(layout.stride[i], layout.dilation[i])));
    spatial.require(
        layout.low[i] <= std::min(limit, whole) && spatial.extent(i) > 0, i,
        fmt::format("padding {} and {} leaves nothing of {}", layout.low[i], layout.high[i], whole));
    y = fold(y, axis, whole, layout.stride[i], layout.dilation[i]);
    if (layout.low[i] > 0 || limit < whole) y = slice(y, axis, layout.low[i], std::min(limit, whole));
    if (limit <= whole) continue;
    std::vector<int64_t> none(y.shape().size(), 0), behind = none;
    behind[static_cast<size_t>(axis)] = limit - whole;
    y = pad(y, none, behind);
  }
  Shape merged = y.shape();
  merged[1] *= merged[2];
  merged.erase(merged.begin() + 2);
  return with_bias(reshape(y, merged), options.bias);
}

Tensor max_pool(Operand x, std::vector<int64_t> size, const PoolOptions& options) {
  const Pin pin("max_pool", x.where());
  const Tensor image = x.tensor();
  const Spatial spatial(pin, image);
  return pooled(OpCode::max_pool, image, pool_layout(spatial, size, options),
                -std::numeric_limits<double>::infinity());
}

Tensor average_pool(Operand x, std::vector<int64_t> size, const AveragePoolOptions& options) {
  const Pin pin("average_pool", x.where());
  const Tensor image = x.tensor();
  const Spatial spatial(pin, image);
  PoolOptions pool{.stride = options.stride,
                   .padding = options.padding,
                   .dilation = options.dilation,
                   .ceil_mode = options.ceil_mode};
  const Layout layout = pool_layout(spatial, size, pool);
  const Tensor average = pooled(OpCode::average_pool, image, layout, 0);
  pool.ceil_mode = false;
  const Layout counted = pool_layout(spatial, size, pool);
  const std::vector<int64_t> none(spatial.count(), 0);
  const Tensor factor = options.count_padding
                            ? correction(spatial, layout, average, counted.low, counted.high)
                            : correction(spatial, layout, average, none, none);
  return factor.defined() ? average * factor : average;
}

Tensor adaptive_max_pool(Operand x, std::vector<int64_t> extents) {
  return adapted("adaptive_max_pool", x, extents, max, -std::numeric_limits<double>::infinity());
}

Tensor adaptive_average_pool(Operand x, std::vector<int64_t> extents) {
  return adapted("adaptive_average_pool", x, extents, mean, 0);
}

Tensor global_max_pool(Operand x) {
  const Pin pin("global_max_pool", x.where());
  const Tensor image = x.tensor();
  return max(image, Spatial(pin, image).axes(), keepdims);
}

Tensor global_average_pool(Operand x) {
  const Pin pin("global_average_pool", x.where());
  const Tensor image = x.tensor();
  return mean(image, Spatial(pin, image).axes(), keepdims);
}

}  // namespace sinter
