#include <fmt/format.h>
#include <sinter/reductions.h>

#include <algorithm>
#include <numeric>

#include "frontend/trace/emit.h"

namespace sinter {
namespace {

using Reduction = graph::Value (Builder::*)(graph::Value, std::vector<int64_t>, bool);

Tensor reduce(std::string_view what, const Operand& x, const Axes& axes, KeepDims keep, Reduction reduction) {
  const std::vector<int64_t> folded = axes.of_rank(what, x.tensor().rank(), x);
  return build(what, {x}, [&](Builder& b, const Values& v) {
    return (b.*reduction)(v[0], folded, keep == KeepDims::yes);
  });
}

Tensor reduce_composite(OpCode code, const Operand& x, const Axes& axes, KeepDims keep) {
  const std::vector<int64_t> folded = axes.of_rank(name(code), x.tensor().rank(), x);
  return build(name(code), {x}, [&](Builder& b, const Values& v) {
    const graph::Value result = b.emit(code, v, {{"axes", folded}}).result();
    return keep == KeepDims::yes ? b.expand_dims(result, folded) : result;
  });
}

}  // namespace

std::vector<int64_t> Axes::of_rank(std::string_view what, int64_t rank, const Operand& x) const {
  if (!axes_) {
    std::vector<int64_t> all(static_cast<size_t>(rank));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  std::vector<int64_t> axes;
  for (int64_t axis : *axes_) axes.push_back(checked_axis(what, axis, rank, x));
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
Tensor variance(Operand x, Axes axes, KeepDims keep) {
  return reduce_composite(OpCode::variance, x, axes, keep);
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
