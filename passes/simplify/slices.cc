#include <algorithm>

#include "passes/simplify/axes.h"
#include "passes/simplify/rewrites.h"

namespace sinter::passes::rewrites {

using graph::OpCode;
using graph::Shape;

namespace {

struct Range {
  Axes start, limit, stride;

  explicit Range(const Op& slice)
      : start(slice.attributes.integers("start")),
        limit(slice.attributes.integers("limit")),
        stride(slice.attributes.integers("stride")) {}

  // As limits, the least that take the same elements.
  void tighten(const Shape& result) {
    for (size_t i = 0; i < limit.size(); ++i) {
      limit[i] = result[i] == 0 ? start[i] : start[i] + (result[i] - 1) * stride[i] + 1;
    }
  }
};

Value slice(Editor& e, Value x, const Range& range) {
  return e.emit(OpCode::slice, {x},
                {{"limit", range.limit}, {"start", range.start}, {"stride", range.stride}});
}

bool all_zero(const Axes& values) {
  return std::ranges::all_of(values, [](int64_t value) { return value == 0; });
}

}  // namespace

Value slice_of_everything(Editor&, const Op& op) {
  return op.results[0] == op.operands[0].type() ? op.operands[0] : Value{};
}

Value slice_of_slice(Editor& e, const Op& op) {
  const Op* inner = e.find(op.operands[0], OpCode::slice);
  if (inner == nullptr || op.results[0].elements() == 0) return {};
  Range range(op);
  const Range outer(*inner);
  for (size_t i = 0; i < range.start.size(); ++i) {
    range.start[i] = outer.start[i] + range.start[i] * outer.stride[i];
    range.stride[i] *= outer.stride[i];
  }
  range.tighten(op.results[0].shape);
  return slice(e, inner->operands[0], range);
}

Value slice_of_concat(Editor& e, const Op& op) {
  const Op* concat = e.find(op.operands[0], OpCode::concat);
  if (concat == nullptr || op.results[0].elements() == 0) return {};
  const size_t axis = at(concat->attributes.integer("axis"));
  Range range(op);
  range.tighten(op.results[0].shape);
  int64_t begin = 0;
  for (Value part : concat->operands) {
    const int64_t end = begin + part.shape()[axis];
    if (begin <= range.start[axis] && range.limit[axis] <= end) {
      range.start[axis] -= begin;
      range.limit[axis] -= begin;
      return slice(e, part, range);
    }
    begin = end;
  }
  return {};
}

Value slice_of_broadcast(Editor& e, const Op& op) {
  const Op* broadcast = e.find(op.operands[0], OpCode::broadcast);
  if (broadcast == nullptr) return {};
  const Axes& dims = broadcast->attributes.integers("dims");
  const Value x = broadcast->operands[0];
  Range range(op);
  range.start = pick(range.start, dims);
  range.limit = pick(range.limit, dims);
  range.stride = pick(range.stride, dims);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (x.shape()[i] != broadcast->results[0].shape[at(dims[i])]) return {};
  }
  return e.broadcast(slice(e, x, range), op.results[0].shape, dims);
}

Value slice_of_pad(Editor& e, const Op& op) {
  const Op* pad = e.find(op.operands[0], OpCode::pad);
  if (pad == nullptr || !all_zero(pad->attributes.integers("interior")) || op.results[0].elements() == 0) {
    return {};
  }
  Range range(op);
  range.tighten(op.results[0].shape);
  const Shape& before = pad->operands[0].shape();
  for (size_t i = 0; i < before.size(); ++i) {
    const int64_t low = pad->attributes.integers("low")[i];
    range.start[i] -= low;
    range.limit[i] -= low;
    if (range.start[i] < 0 || range.limit[i] > before[i]) return {};
  }
  return slice(e, pad->operands[0], range);
}

Value pad_by_nothing(Editor&, const Op& op) {
  return op.results[0] == op.operands[0].type() ? op.operands[0] : Value{};
}

Value pad_of_splat(Editor& e, const Op& op) {
  const auto splat = e.splat(op.operands[0]);
  if (!splat || make_splat(*op.attributes.find("value"), splat->type) != *splat) return {};
  return e.constant(*splat, op.results[0].shape);
}

Value concat_of_few(Editor& e, const Op& op) {
  const int64_t axis = op.attributes.integer("axis");
  std::vector<Value> parts;
  std::ranges::copy_if(op.operands, std::back_inserter(parts),
                       [&](Value part) { return part.shape()[at(axis)] != 0; });
  if (parts.size() == 1) return parts[0];
  if (parts.empty()) return op.operands[0];
  if (parts.size() == op.operands.size()) return {};
  return e.emit(OpCode::concat, std::move(parts), {{"axis", axis}});
}

// Up to a number of parts: of a list that grows part by part each would list all before it anew.
Value concat_of_concat(Editor& e, const Op& op) {
  constexpr size_t kMostParts = 4;
  const int64_t axis = op.attributes.integer("axis");
  std::vector<Value> parts;
  for (Value part : op.operands) {
    const Op* inner = e.find(part, OpCode::concat);
    if (inner != nullptr && inner->attributes.integer("axis") == axis) {
      parts.insert(parts.end(), inner->operands.begin(), inner->operands.end());
    } else {
      parts.push_back(part);
    }
  }
  if (parts.size() > kMostParts || parts == op.operands) return {};
  return e.emit(OpCode::concat, std::move(parts), {{"axis", axis}});
}

Value concat_of_splats(Editor& e, const Op& op) {
  const auto splat = e.splat(op.operands[0]);
  if (!splat) return {};
  for (Value part : op.operands) {
    if (e.splat(part) != splat) return {};
  }
  return e.constant(*splat, op.results[0].shape);
}

Value reverse_of_units(Editor& e, const Op& op) {
  Axes axes;
  for (int64_t axis : op.attributes.integers("axes")) {
    if (op.results[0].shape[at(axis)] > 1) axes.push_back(axis);
  }
  if (axes == op.attributes.integers("axes")) return {};
  return axes.empty() ? op.operands[0] : e.emit(OpCode::reverse, {op.operands[0]}, {{"axes", axes}});
}

}  // namespace sinter::passes::rewrites
