#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/views.h>

#include <algorithm>
#include <numeric>

#include "frontend/trace/emit.h"

namespace sinter {
namespace {

Values resolve_parts(Trace& trace, std::string_view what, const Operands& parts) {
  if (parts.all().empty()) trace.fail(what, "no parts are given", parts.where());
  return resolve_alike(trace, what, parts.all(), parts.where());
}

// x with elements before and after those of one axis.
Tensor extended(const Tensor& x, int64_t axis, int64_t low, int64_t high, PadMode mode) {
  const int64_t extent = x.dim(axis);
  // `count` elements from `near` on for a mirror, from `far` on for a turn; of an edge, the one at `end`.
  const auto beyond = [&](int64_t count, int64_t near, int64_t far, int64_t end) {
    if (mode == PadMode::wrap) return slice(x, axis, far, far + count);
    if (mode == PadMode::reflect) return reverse(slice(x, axis, near, near + count), axis);
    Shape shape = x.shape();
    shape[static_cast<size_t>(axis)] = count;
    return broadcast_to(slice(x, axis, end, end + 1), shape);
  };
  std::vector<Tensor> parts;
  if (low > 0) parts.push_back(beyond(low, 1, extent - low, 0));
  parts.push_back(x);
  if (high > 0) parts.push_back(beyond(high, extent - 1 - high, 0, extent - 1));
  return parts.size() == 1 ? x : concat(parts, axis);
}

// Of the last two axes the elements that are `is_kept` by row and column.
template <typename F>
Tensor triangle(std::string_view what, const Operand& x, F&& is_kept) {
  const Tensor tensor = x.tensor();
  if (tensor.rank() < 2) {
    Trace::current(what, x.where())
        .fail(what, fmt::format("takes x of at least two axes, got {}", tensor.type()), x.where());
  }
  return build(what, {x}, [&](Builder& b, const Values& v) {
    const graph::TensorType places{graph::DType::i32, {tensor.dim(-2), tensor.dim(-1)}};
    const graph::Value row = b.iota(places, 0);
    const graph::Value kept = is_kept(b, row, b.iota(places, 1));
    return b.select(kept, v[0], b.scalar_like(0, v[0]));
  });
}

}  // namespace

Tensor reshape(Operand x, Extents shape) {
  const Shape bound = Trace::current("reshape", x.where()).bind("reshape", shape, x.where());
  return build("reshape", {x}, [&](Builder& b, const Values& v) { return b.reshape(v[0], bound); });
}

Tensor flatten(Operand x, int64_t first_axis) {
  const Tensor tensor = x.tensor();
  const int64_t first = checked_axis("flatten", first_axis, tensor.rank(), x, true);
  const auto middle = tensor.shape().begin() + first;
  Shape shape(tensor.shape().begin(), middle);
  shape.push_back(element_count(Shape(middle, tensor.shape().end())));
  return reshape(x, shape);
}

Tensor transpose(Operand x, std::vector<int64_t> permutation) {
  return build("transpose", {x}, [&](Builder& b, const Values& v) { return b.transpose(v[0], permutation); });
}

Tensor swap_axes(Operand x, int64_t a, int64_t b) {
  return build("swap_axes", {x},
               [&](Builder& builder, const Values& v) { return builder.swap_axes(v[0], a, b); });
}

Tensor expand_dims(Operand x, Axes axes) {
  const Tensor tensor = x.tensor();
  const std::vector<int64_t> places = axes.of_rank("expand_dims", tensor.rank() + axes.count(), x);
  return build("expand_dims", {x}, [&](Builder& b, const Values& v) { return b.expand_dims(v[0], places); });
}

Tensor squeeze(Operand x, Axes axes) {
  const Tensor tensor = x.tensor();
  Shape shape;
  const std::vector<int64_t> dropped = axes.of_rank("squeeze", tensor.rank(), x);
  for (int64_t axis = 0; axis < tensor.rank(); ++axis) {
    const bool drop = std::find(dropped.begin(), dropped.end(), axis) != dropped.end();
    if (!drop) shape.push_back(tensor.dim(axis));
    if (drop && tensor.dim(axis) != 1) {
      Trace::current("squeeze", x.where())
          .fail("squeeze", fmt::format("axis {} of {} has not extent 1", axis, tensor.type()), x.where());
    }
  }
  return reshape(x, shape);
}

Tensor broadcast_to(Operand x, Extents shape) {
  const Shape bound = Trace::current("broadcast_to", x.where()).bind("broadcast_to", shape, x.where());
  return build("broadcast_to", {x}, [&](Builder& b, const Values& v) { return b.broadcast_to(v[0], bound); });
}

Tensor reverse(Operand x, Axes axes) {
  const std::vector<int64_t> turned = axes.of_rank("reverse", x.tensor().rank(), x);
  return build("reverse", {x}, [&](Builder& b, const Values& v) { return b.reverse(v[0], turned); });
}

Tensor slice(Operand x, int64_t axis, int64_t start, int64_t limit, int64_t stride) {
  const Tensor tensor = x.tensor();
  const int64_t along = checked_axis("slice", axis, tensor.rank(), x);
  const auto from_front = [&](int64_t i) { return i < 0 ? i + tensor.dim(along) : i; };
  return build("slice", {x}, [&](Builder& b, const Values& v) {
    return b.slice_axis(v[0], along, from_front(start), from_front(limit), stride);
  });
}

Tensor at(Operand x, int64_t axis, int64_t i) {
  const Tensor tensor = x.tensor();
  const int64_t along = checked_axis("at", axis, tensor.rank(), x);
  const int64_t place = i < 0 ? i + tensor.dim(along) : i;
  if (place < 0 || place >= tensor.dim(along)) {
    Trace::current("at", x.where())
        .fail("at", fmt::format("index {} is outside axis {} of {}", i, axis, tensor.type()), x.where());
  }
  Shape shape = tensor.shape();
  shape.erase(shape.begin() + along);
  return build("at", {x}, [&](Builder& b, const Values& v) {
    return b.reshape(b.slice_axis(v[0], along, place, place + 1), shape);
  });
}

Tensor pad(Operand x, std::vector<int64_t> low, std::vector<int64_t> high, Number value) {
  return build("pad", {x}, [&](Builder& b, const Values& v) {
    return b.pad(v[0], low, high, {}, value_in("pad", value, v[0].dtype(), x.where()));
  });
}

Tensor pad(Operand x, std::vector<int64_t> low, std::vector<int64_t> high, PadMode mode) {
  const Pin pin("pad", x.where());
  const Tensor tensor = x.tensor();
  const auto rank = static_cast<size_t>(tensor.rank());
  if (low.size() != rank || high.size() != rank) {
    pin.fail(
        fmt::format("takes {} numbers for {}, got {} and {}", rank, tensor.type(), low.size(), high.size()));
  }
  Tensor padded = tensor;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t extent = tensor.shape()[axis], most = std::max(low[axis], high[axis]);
    const int64_t limit = mode == PadMode::reflect ? extent - 1 : extent;
    if (std::min(low[axis], high[axis]) < 0 ||
        (mode == PadMode::edge ? most > 0 && extent == 0 : most > limit)) {
      pin.fail(fmt::format("{} and {} elements on the sides of axis {} of {}", low[axis], high[axis], axis,
                           tensor.type()));
    }
    padded = extended(padded, static_cast<int64_t>(axis), low[axis], high[axis], mode);
  }
  return padded;
}

Tensor lower_triangle(Operand x, int64_t diagonal) {
  return triangle("lower_triangle", x, [&](Builder& b, graph::Value row, graph::Value column) {
    return b.less_equal(column, b.add(row, b.constant_int(diagonal, row.dtype())));
  });
}
Tensor upper_triangle(Operand x, int64_t diagonal) {
  return triangle("upper_triangle", x, [&](Builder& b, graph::Value row, graph::Value column) {
    return b.greater_equal(column, b.add(row, b.constant_int(diagonal, row.dtype())));
  });
}

Tensor concat(Operands parts, int64_t axis) {
  Trace& trace = Trace::current("concat", parts.where());
  return built(trace, "concat", [&] {
    const Values values = resolve_parts(trace, "concat", parts);
    return trace.wrap(trace.builder(parts.where()).concat(values, axis));
  });
}

Tensor stack(Operands parts, int64_t axis) {
  Trace& trace = Trace::current("stack", parts.where());
  return built(trace, "stack", [&] {
    Values values = resolve_parts(trace, "stack", parts);
    const int64_t along = checked_axis("stack", axis, values[0].rank(), parts.all()[0], true);
    Builder& b = trace.builder(parts.where());
    for (graph::Value& value : values) value = b.expand_dims(value, {along});
    return trace.wrap(b.concat(values, along));
  });
}

std::vector<Tensor> split(Operand x, std::vector<int64_t> sizes, int64_t axis) {
  const Tensor tensor = x.tensor();
  const int64_t along = checked_axis("split", axis, tensor.rank(), x);
  const int64_t total = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  if (total != tensor.dim(along)) {
    Trace::current("split", x.where())
        .fail("split",
              fmt::format("sizes [{}] add up to {}, axis {} of {} has {}", fmt::join(sizes, ","), total, axis,
                          tensor.type(), tensor.dim(along)),
              x.where());
  }
  std::vector<Tensor> parts;
  int64_t start = 0;
  for (int64_t size : sizes) {
    parts.push_back(slice(x, along, start, start + size));
    start += size;
  }
  return parts;
}

std::vector<Tensor> split_evenly(Operand x, int64_t parts, int64_t axis) {
  const Tensor tensor = x.tensor();
  const int64_t along = checked_axis("split", axis, tensor.rank(), x);
  if (parts < 1 || tensor.dim(along) % parts != 0) {
    Trace::current("split", x.where())
        .fail("split", fmt::format("{} parts of axis {} of {}", parts, axis, tensor.type()), x.where());
  }
  return split(x, std::vector<int64_t>(static_cast<size_t>(parts), tensor.dim(along) / parts), along);
}

Tensor window(Operand x, int64_t axis, int64_t size, int64_t stride, int64_t dilation) {
  const int64_t along = checked_axis("window", axis, x.tensor().rank(), x);
  return build("window", {x},
               [&](Builder& b, const Values& v) { return b.window(v[0], along, size, stride, dilation); });
}

Tensor fold(Operand x, int64_t axis, int64_t extent, int64_t stride, int64_t dilation) {
  const int64_t along = checked_axis("fold", axis, x.tensor().rank() - 1, x);
  return build("fold", {x},
               [&](Builder& b, const Values& v) { return b.fold(v[0], along, extent, stride, dilation); });
}

}  // namespace sinter
