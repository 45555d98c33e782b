#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <algorithm>
#include <limits>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

// Prefixes and products, by trees of combinations: so a gradient is a tree, too, and asks for no division.
namespace sinter {
namespace {

using Tensors = std::vector<Tensor>;

Tensors slices(const Tensors& x, int64_t axis, int64_t start, int64_t limit, int64_t stride = 1) {
  Tensors parts;
  for (const Tensor& tensor : x) parts.push_back(slice(tensor, axis, start, limit, stride));
  return parts;
}

// e0 o0 e1 o1 ...; `even` may have one more.
Tensor interleaved(const Tensor& even, const Tensor& odd, int64_t axis) {
  Shape shape = odd.shape();
  const int64_t pairs = odd.dim(axis);
  shape[static_cast<size_t>(axis)] = 2 * pairs;
  const Tensor both = reshape(stack({slice(even, axis, 0, pairs), odd}, axis + 1), shape);
  return even.dim(axis) == pairs ? both : concat({both, slice(even, axis, pairs, pairs + 1)}, axis);
}

// Those of pairs give every second prefix, and these with one element more the others.
Tensors prefixes(const Tensors& x, int64_t axis, const Combine& combine) {
  const int64_t extent = x[0].dim(axis);
  if (extent < 2) return x;
  const Tensors pairs = combine(slices(x, axis, 0, extent - 1, 2), slices(x, axis, 1, extent, 2));
  const Tensors odd = prefixes(pairs, axis, combine);
  Tensors even = slices(x, axis, 0, 1);
  if (extent > 2) {
    const int64_t others = (extent - 1) / 2;
    const Tensors rest = combine(slices(odd, axis, 0, others), slices(x, axis, 2, extent, 2));
    for (size_t i = 0; i < x.size(); ++i) even[i] = concat({even[i], rest[i]}, axis);
  }
  Tensors all;
  for (size_t i = 0; i < x.size(); ++i) all.push_back(interleaved(even[i], odd[i], axis));
  return all;
}

Tensor running(std::string_view what, const Operand& x, int64_t axis, bool reverse,
               Tensor (*combine)(const Tensor& earlier, const Tensor& later)) {
  return associative_scan(
      {x.tensor()}, checked_axis(what, axis, x.tensor().rank(), x),
      [&](const Tensors& earlier, const Tensors& later) -> Tensors {
        return {combine(earlier[0], later[0])};
      },
      reverse)[0];
}

// What `goes_before(later, earlier)` says of two numbers; a NaN, once reached, stays.
RunningExtreme running_extreme(std::string_view what, const Operand& x, int64_t axis, bool reverse,
                               Tensor (*goes_before)(Operand, Operand)) {
  const Tensor values = x.tensor();
  const int64_t along = checked_axis(what, axis, values.rank(), x);
  const Tensors result = associative_scan(
      {values, iota(values.shape(), along)}, along,
      [&](const Tensors& earlier, const Tensors& later) -> Tensors {
        const Tensor is_later =
            (later[0] != later[0]) | ((earlier[0] == earlier[0]) & goes_before(later[0], earlier[0]));
        return {where(is_later, later[0], earlier[0]), where(is_later, later[1], earlier[1])};
      },
      reverse);
  return {result[0], result[1]};
}

// log(exp(a) + exp(b)); of -inf alone -inf, with finite gradients.
Tensor log_add_exp(const Tensor& a, const Tensor& b) {
  const Tensor largest = stop_gradient(maximum(a, b));
  const Tensor shift = where(is_finite(largest), largest, 0);
  const Tensor total = exp(a - shift) + exp(b - shift);
  const Tensor is_dead = total == 0;
  return where(is_dead, -std::numeric_limits<double>::infinity(), log(where(is_dead, 1, total)) + shift);
}

}  // namespace

Tensors associative_scan(Operands x, int64_t axis, const Combine& combine, bool reversed) {
  const Pin pin("associative_scan", x.where());
  if (x.all().empty()) pin.fail("takes one tensor or more");
  Tensors tensors;
  for (const Operand& operand : x.all()) tensors.push_back(operand.tensor());
  const int64_t along = checked_axis("associative_scan", axis, tensors[0].rank(), x.all()[0]);
  for (Tensor& tensor : tensors) {
    if (tensor.rank() <= along || tensor.dim(along) != tensors[0].dim(along)) {
      pin.fail(fmt::format("{} and {} differ along axis {}", tensors[0].type(), tensor.type(), along));
    }
    if (reversed) tensor = reverse(tensor, along);
  }
  const Combine checked = [&](const Tensors& earlier, const Tensors& later) {
    Tensors result = combine(earlier, later);
    if (result.size() != tensors.size())
      pin.fail(fmt::format("combine gives {} tensors for {}", result.size(), tensors.size()));
    for (size_t i = 0; i < result.size(); ++i) {
      if (result[i].type() != later[i].type())
        pin.fail(fmt::format("combine gives {} for {}", result[i].type(), later[i].type()));
    }
    return result;
  };
  Tensors result = prefixes(tensors, along, checked);
  if (reversed) {
    for (Tensor& tensor : result) tensor = reverse(tensor, along);
  }
  return result;
}

Tensor product(Operand x, Axes axes, KeepDims keep) {
  const Pin pin("product", x.where());
  const Tensor tensor = x.tensor();
  const std::vector<int64_t> folded = axes.of_rank("product", tensor.rank(), x);
  std::vector<int64_t> order;
  Shape kept, result;
  for (int64_t axis = 0; axis < tensor.rank(); ++axis) {
    const bool goes = std::find(folded.begin(), folded.end(), axis) != folded.end();
    if (!goes) order.push_back(axis);
    if (!goes) kept.push_back(tensor.dim(axis));
    if (!goes || keep == KeepDims::yes) result.push_back(goes ? 1 : tensor.dim(axis));
  }
  const int64_t last = static_cast<int64_t>(kept.size());
  order.insert(order.end(), folded.begin(), folded.end());
  int64_t extent = 1;
  for (const int64_t axis : folded) extent *= tensor.dim(axis);
  if (extent == 0) return ones(result, tensor.dtype());
  kept.push_back(extent);
  Tensor left = reshape(transpose(tensor, order), kept);
  while (extent > 1) {
    const int64_t half = extent / 2;
    const Tensor halves = slice(left, last, 0, half) * slice(left, last, half, 2 * half);
    left = extent % 2 == 0 ? halves : concat({halves, slice(left, last, extent - 1, extent)}, last);
    extent = half + extent % 2;
  }
  return reshape(left, result);
}

Tensor cumulative_product(Operand x, int64_t axis, bool reverse) {
  const Pin pin("cumulative_product", x.where());
  return running("cumulative_product", x, axis, reverse,
                 [](const Tensor& a, const Tensor& b) { return a * b; });
}

Tensor log_cumulative_sum_exp(Operand x, int64_t axis, bool reverse) {
  const Pin pin("log_cumulative_sum_exp", x.where());
  check_floating(pin, "x", x.tensor());
  return running("log_cumulative_sum_exp", x, axis, reverse, log_add_exp);
}

RunningExtreme cumulative_max(Operand x, int64_t axis, bool reverse) {
  const Pin pin("cumulative_max", x.where());
  return running_extreme("cumulative_max", x, axis, reverse, operator>=);
}

RunningExtreme cumulative_min(Operand x, int64_t axis, bool reverse) {
  const Pin pin("cumulative_min", x.where());
  return running_extreme("cumulative_min", x, axis, reverse, operator<=);
}

}  // namespace sinter
