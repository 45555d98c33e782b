#include "ir/index/view_maps.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::loop {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

bool keeps_places(const Op& op) {
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::check;
}

Source source_of_pad(const Op& op, const Index& at, const RangeMap& ranges) {
  const auto &low = op.attributes.integers("low"), &interior = op.attributes.integers("interior");
  const auto& high = op.attributes.integers("high");
  Source source;
  for (size_t i = 0; i < at.size(); ++i) {
    const int64_t step = interior[i] + 1, extent = op.operands[0].shape()[i];
    Expr shifted = simplify(at[i] - low[i], ranges);
    Expr& inside = source.inside;
    if (low[i] > 0) inside = inside && at[i] >= integer(low[i]);
    if (high[i] > 0) inside = inside && at[i] < integer(low[i] + (extent - 1) * step + 1);
    if (step > 1 && extent > 1) {
      inside = inside && shifted % step == integer(0);
      shifted = shifted / step;
    } else if (extent == 1) {
      inside = inside && at[i] == integer(low[i]);
      shifted = integer(0);
    }
    source.index.push_back(shifted);
  }
  return source;
}

Source source_of_concat(const Op& op, const Index& at, const RangeMap& ranges, size_t operand) {
  const auto axis = static_cast<size_t>(op.attributes.integer("axis"));
  int64_t begin = 0;
  for (size_t i = 0; i < operand; ++i) begin += op.operands[i].shape()[axis];
  const int64_t end = begin + op.operands[operand].shape()[axis];
  Source source{at, nullptr};
  source.index[axis] = simplify(at[axis] - begin, ranges);
  if (begin > 0) source.inside = at[axis] >= integer(begin);
  if (end < op.results[0].shape[axis]) source.inside = source.inside && at[axis] < integer(end);
  if (source.inside) source.inside = simplify(source.inside, ranges);
  return source;
}

}  // namespace

bool is_plain_view(const Op& op) {
  return op.code == OpCode::reshape || op.code == OpCode::transpose || op.code == OpCode::broadcast;
}

View view_of(const Op& op) {
  View view{op.code, {}, op.operands[0].shape(), op.results[0].shape};
  if (op.code == OpCode::transpose) view.axes = op.attributes.integers("permutation");
  if (op.code == OpCode::broadcast) view.axes = op.attributes.integers("dims");
  return view;
}

View inverse(const View& view) {
  std::vector<int64_t> axes(view.axes.size());
  for (size_t i = 0; i < axes.size(); ++i) axes[static_cast<size_t>(view.axes[i])] = static_cast<int64_t>(i);
  return {view.code, std::move(axes), view.to, view.from};
}

Index source_of(const View& view, const Index& at, const RangeMap& ranges) {
  if (view.code == OpCode::reshape) return reshape_index(at, view.from, view.to, ranges);
  Index source(view.from.size());
  for (size_t i = 0; i < view.axes.size(); ++i) {
    const auto axis = static_cast<size_t>(view.axes[i]);
    if (view.code == OpCode::transpose) {
      source[axis] = at[i];
    } else {
      source[i] = view.from[i] == 1 ? integer(0) : at[axis];
    }
  }
  return source;
}

Source source_of(const Op& op, const Index& at, const RangeMap& ranges, size_t operand) {
  if (keeps_places(op)) return {at, nullptr};
  if (is_plain_view(op)) return {source_of(view_of(op), at, ranges), nullptr};
  const graph::Attributes& attributes = op.attributes;
  Index source = at;
  switch (op.code) {
    case OpCode::slice: {
      const auto &start = attributes.integers("start"), &stride = attributes.integers("stride");
      for (size_t i = 0; i < at.size(); ++i) source[i] = simplify(at[i] * stride[i] + start[i], ranges);
      return {source, nullptr};
    }
    case OpCode::reverse:
      for (int64_t axis : attributes.integers("axes")) {
        const auto i = static_cast<size_t>(axis);
        source[i] = simplify(integer(op.results[0].shape[i] - 1) - at[i], ranges);
      }
      return {source, nullptr};
    case OpCode::window: {
      const auto axis = static_cast<size_t>(attributes.integer("axis"));
      source.pop_back();
      source[axis] = simplify(
          at[axis] * attributes.integer("stride") + at.back() * attributes.integer("dilation"), ranges);
      return {source, nullptr};
    }
    case OpCode::pad:
      return source_of_pad(op, at, ranges);
    case OpCode::concat:
      return source_of_concat(op, at, ranges, operand);
    default:
      throw InternalError(fmt::format("'{}' is no view", graph::name(op.code)));
  }
}

std::optional<Index> result_of(const Op& op, const Index& at, const RangeMap& ranges) {
  if (keeps_places(op)) return at;
  if (op.code != OpCode::reshape && op.code != OpCode::transpose) return std::nullopt;
  return source_of(inverse(view_of(op)), at, ranges);
}

std::optional<Index> trace(Value from, const Index& at, Value to, const RangeMap& ranges) {
  if (from == to) return at;
  const Op& op = *from.op;
  if (op.kind() != OpKind::elementwise && !is_plain_view(op)) return std::nullopt;
  const Index source = source_of(op, at, ranges).index;
  for (Value operand : op.operands) {
    if (auto found = trace(operand, source, to, ranges)) return found;
  }
  return std::nullopt;
}

}  // namespace sinter::loop
