#include "ir/graph/composites/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "ir/error.h"
#include "ir/graph/composites/composites.h"

// Convolution and pooling: `window` lays each place's neighbourhood out along new last axes, one for each
// spatial axis, and a contraction or a reduction folds them.
namespace sinter::graph {

Value spatial_windows(Builder& b, Value x, const std::vector<int64_t>& size,
                      const std::vector<int64_t>& stride, const std::vector<int64_t>& dilation) {
  for (size_t i = 0; i < size.size(); ++i) {
    x = b.window(x, kFirstSpatial + static_cast<int64_t>(i), size[i], stride[i], dilation[i]);
  }
  return x;
}

Value spatial_pad(Builder& b, Value x, const std::vector<int64_t>& padding) {
  if (std::all_of(padding.begin(), padding.end(), [](int64_t p) { return p == 0; })) return x;
  std::vector<int64_t> around(kFirstSpatial, 0);
  around.insert(around.end(), padding.begin(), padding.end());
  return b.pad(x, around, around);
}

}  // namespace sinter::graph

namespace sinter::graph::composites {
namespace {

void require_spatial(const Composite& c, std::string_view attribute) {
  const size_t got = c.attributes.integers(attribute).size();
  const int64_t spatial = c.x().rank() - kFirstSpatial;
  if (spatial >= 1 && spatial <= static_cast<int64_t>(kWindowNumbers.size()) &&
      got == static_cast<size_t>(spatial)) {
    return;
  }
  throw GraphError(fmt::format("{}: '{}' has {} entries for x {} of [batch,channels,spatial...]",
                               name(c.code), attribute, got, to_string(c.x().type())));
}

Value pool_windows(const Composite& c) {
  const auto& size = c.attributes.integers("size");
  require_spatial(c, "size");
  require_spatial(c, "stride");
  if (c.attributes.has("dilation")) require_spatial(c, "dilation");
  const std::vector<int64_t> dilation =
      c.attributes.has("dilation") ? c.attributes.integers("dilation") : std::vector<int64_t>(size.size(), 1);
  return spatial_windows(c.b, c.x(), size, c.attributes.integers("stride"), dilation);
}

std::vector<int64_t> last_axes(Value x, size_t count) {
  std::vector<int64_t> axes(count);
  for (size_t i = 0; i < count; ++i) axes[i] = x.rank() - static_cast<int64_t>(count - i);
  return axes;
}

// Replaces the axis by two: `groups`, and what is left of it.
Value split_axis(Builder& b, Value x, int64_t axis, int64_t groups) {
  Shape shape = x.shape();
  const auto place = shape.begin() + axis;
  *place /= groups;
  shape.insert(place, groups);
  return b.reshape(x, shape);
}

void check_convolution(const Composite& c, int64_t groups) {
  for (std::string_view attribute : {"stride", "padding", "dilation"}) require_spatial(c, attribute);
  const Value x = c.x(), kernel = c.operands[1];
  const bool fits = groups >= 1 && kernel.rank() == x.rank() && kernel.shape()[1] * groups == x.shape()[1] &&
                    kernel.shape()[0] % groups == 0;
  if (!fits) {
    throw GraphError(fmt::format("convolution: kernel {} with {} groups does not fit x {}",
                                 to_string(kernel.type()), groups, to_string(x.type())));
  }
  if (c.operands.size() > 2 && c.operands[2].shape() != Shape{kernel.shape()[0]}) {
    throw GraphError(fmt::format("convolution: bias {} does not fit kernel {}",
                                 to_string(c.operands[2].type()), to_string(kernel.type())));
  }
}

}  // namespace

Value convolution(const Composite& c) {
  Builder& b = c.b;
  Value x = c.x(), kernel = c.operands[1];
  const auto& padding = c.attributes.integers("padding");
  const int64_t groups = c.attributes.integer("groups");
  const size_t spatial = padding.size();
  check_convolution(c, groups);

  x = spatial_pad(b, x, padding);
  const std::vector<int64_t> size(kernel.shape().begin() + kFirstSpatial, kernel.shape().end());
  x = spatial_windows(b, x, size, c.attributes.integers("stride"), c.attributes.integers("dilation"));
  const std::string numbers(kWindowNumbers.substr(0, spatial)), places(kWindowPlaces.substr(0, spatial));
  Value y;
  if (groups == 1) {
    y = b.contract(x, kernel, "nc" + numbers + places + ",oc" + places + "->no" + numbers);
  } else {
    x = split_axis(b, x, 1, groups);
    kernel = split_axis(b, kernel, 0, groups);
    y = b.contract(x, kernel, "ngc" + numbers + places + ",goc" + places + "->ngo" + numbers);
    Shape merged = y.shape();
    merged[1] *= merged[2];
    merged.erase(merged.begin() + 2);
    y = b.reshape(y, merged);
  }
  if (c.operands.size() < 3) return y;
  Shape channels(spatial + 1, 1);
  channels[0] = y.shape()[1];
  return b.add(y, b.reshape(c.operands[2], channels));
}

Value max_pool(const Composite& c) {
  const Value x = pool_windows(c);
  return c.b.reduce_max(x, last_axes(x, c.attributes.integers("size").size()));
}

Value average_pool(const Composite& c) {
  const Value x = pool_windows(c);
  const auto& size = c.attributes.integers("size");
  const Value sum = c.b.reduce_sum(x, last_axes(x, size.size()));
  double count = 1;
  for (int64_t extent : size) count *= static_cast<double>(extent);
  return c.b.div(sum, c.b.scalar_like(count, sum));
}

}  // namespace sinter::graph::composites
