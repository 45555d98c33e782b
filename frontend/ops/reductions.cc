#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/reductions.h>
#include <sinter/views.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

using Fold = graph::Value (Builder::*)(graph::Value, std::vector<int64_t>, bool);

Tensor reduce(std::string_view what, const Operand& x, const Axes& axes, KeepDims keep, Fold fold) {
  const std::vector<int64_t> folded = axes.of_rank(what, x.tensor().rank(), x);
  return build(what, {x},
               [&](Builder& b, const Values& v) { return (b.*fold)(v[0], folded, keep == KeepDims::yes); });
}

Tensor reduce_composite(OpCode code, const Operand& x, const Axes& axes, KeepDims keep) {
  const std::vector<int64_t> folded = axes.of_rank(name(code), x.tensor().rank(), x);
  return build(name(code), {x}, [&](Builder& b, const Values& v) {
    const graph::Value result = b.emit(code, v, {{"axes", folded}}).result();
    return keep == KeepDims::yes ? b.expand_dims(result, folded) : result;
  });
}

// sqrt(x), whose gradient is 0 where x is.
Tensor safe_root(const Tensor& x) {
  const Tensor is_zero = x == 0;
  return where(is_zero, 0, sqrt(where(is_zero, 1, x)));
}

}  // namespace

std::vector<int64_t> Axes::of_rank(std::string_view what, int64_t rank, const Operand& x) const {
  if (!given_) {
    std::vector<int64_t> all(static_cast<size_t>(rank));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  std::vector<int64_t> axes;
  for (int64_t axis : axes_) axes.push_back(checked_axis(what, axis, rank, x));
  std::sort(axes.begin(), axes.end());
  const auto repeated = std::adjacent_find(axes.begin(), axes.end());
  if (repeated != axes.end()) {
    Trace::current(what, x.where())
        .fail(what, fmt::format("axis {} of {} is given twice", *repeated, x.tensor().type()), x.where());
  }
  return axes;
}

Tensor sum(Operand x, Axes axes, KeepDims keep) {
  return reduce("sum", x, axes, keep, &Builder::reduce_sum);
}
Tensor max(Operand x, Axes axes, KeepDims keep) {
  return reduce("max", x, axes, keep, &Builder::reduce_max);
}
Tensor min(Operand x, Axes axes, KeepDims keep) {
  return reduce("min", x, axes, keep, &Builder::reduce_min);
}

Tensor mean(Operand x, Axes axes, KeepDims keep) {
  return reduce_composite(OpCode::mean, x, axes, keep);
}

Tensor variance(Operand x, Axes axes, KeepDims keep, int64_t correction) {
  const Pin pin("variance", x.where());
  const Tensor population = reduce_composite(OpCode::variance, x, axes, keep);
  if (correction == 0) return population;
  int64_t count = 1;
  for (const int64_t axis : axes.of_rank("variance", x.tensor().rank(), x))
    count *= x.tensor().shape()[static_cast<size_t>(axis)];
  ranges_at("variance", x.where())
      .require(correction > 0 && correction < count, "correction",
               fmt::format("in [0,{}), the elements", count), correction);
  return population * (static_cast<double>(count) / static_cast<double>(count - correction));
}

Tensor standard_deviation(Operand x, Axes axes, KeepDims keep, int64_t correction) {
  const Pin pin("standard_deviation", x.where());
  return safe_root(variance(x, axes, keep, correction));
}

Tensor norm(Operand x, Axes axes, KeepDims keep) {
  const Pin pin("norm", x.where());
  return safe_root(sum(square(x), axes, keep));
}

Tensor logsumexp(Operand x, Axes axes, KeepDims keep) {
  const Pin pin("logsumexp", x.where());
  check_floating(pin, "x", x.tensor());
  const Tensor largest = stop_gradient(max(x, axes, keepdims));
  const Tensor shift = where(is_finite(largest), largest, 0);
  const Tensor total = sum(exp(x - shift), axes, keepdims);
  const Tensor is_dead = total == 0;
  const Tensor result =
      where(is_dead, -std::numeric_limits<double>::infinity(), log(where(is_dead, 1, total)) + shift);
  return keep == KeepDims::yes ? result : squeeze(result, axes.of_rank("logsumexp", x.tensor().rank(), x));
}

Tensor argmax(Operand x, Axes axes, KeepDims keep) {
  return reduce("argmax", x, axes, keep, &Builder::argmax);
}

Tensor argmin(Operand x, Axes axes, KeepDims keep) {
  // Of integers, -x would overflow at the lowest; ~x = -x - 1 does not.
  const DType type = x.tensor().dtype();
  const bool floating = type == f32 || type == f64;
  const Tensor reversed = build_elementwise(floating ? OpCode::neg : OpCode::logical_not, {x});
  return argmax(Operand(reversed, x.where()), axes, keep);
}

Tensor cumsum(Operand x, int64_t axis, bool reverse) {
  const int64_t along = checked_axis("cumsum", axis, x.tensor().rank(), x);
  return build("cumsum", {x}, [&](Builder& b, const Values& v) { return b.cumsum(v[0], along, reverse); });
}

Tensor matmul(Operand lhs, Operand rhs) {
  return build("matmul", {lhs, rhs}, [](Builder& b, const Values& v) { return b.matmul(v[0], v[1]); });
}

Tensor contract(Operand lhs, Operand rhs, const std::string& dims) {
  return build("contract", {lhs, rhs},
               [&](Builder& b, const Values& v) { return b.contract(v[0], v[1], dims); });
}

}  // namespace sinter
