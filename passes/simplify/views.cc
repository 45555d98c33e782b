#include <algorithm>
#include <numeric>

#include "ir/index/axis_groups.h"
#include "passes/simplify/axes.h"
#include "passes/simplify/rewrites.h"

namespace sinter::passes::rewrites {

using graph::OpCode;
using graph::Shape;

namespace {

// The axes of a broadcast that its operand has, before and after: operand shape and dims behind `shape`.
struct Source {
  Shape shape;
  Axes dims;
};

std::optional<Source> source_behind(const Op& broadcast, const Shape& shape) {
  const Shape &before = broadcast.operands[0].shape(), &after = broadcast.results[0].shape;
  const auto groups = loop::group_axes(after, shape);
  if (!groups) return std::nullopt;
  const Axes& dims = broadcast.attributes.integers("dims");
  // Axes that stretch an extent of 1 are the broadcast's, not the operand's.
  Axes own;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (before[i] == after[at(dims[i])]) own.push_back(dims[i]);
  }
  Source source;
  for (const loop::AxisGroup& group : *groups) {
    const auto is_own = all_in(after, group.from_begin, group.from_end, own);
    if (!is_own) return std::nullopt;
    if (!*is_own) continue;
    for (int64_t axis = group.to_begin; axis < group.to_end; ++axis) {
      source.dims.push_back(axis);
      source.shape.push_back(shape[at(axis)]);
    }
  }
  return source;
}

}  // namespace

bool can_reshape_broadcast(const Op& x, const Shape& shape) {
  return source_behind(x, shape).has_value();
}

Value reshaped_broadcast(Editor& e, const Op& x, const Shape& shape) {
  const auto source = source_behind(x, shape);
  if (!source) return {};
  return e.broadcast(e.reshape(x.operands[0], source->shape), shape, source->dims);
}

Value reshape_to_itself(Editor&, const Op& op) {
  return op.results[0] == op.operands[0].type() ? op.operands[0] : Value{};
}

Value reshape_of_broadcast(Editor& e, const Op& op) {
  const Op* broadcast = e.find(op.operands[0], OpCode::broadcast);
  return broadcast != nullptr ? reshaped_broadcast(e, *broadcast, op.results[0].shape) : Value{};
}

Value transpose_of_units(Editor& e, const Op& op) {
  Axes moved;
  for (int64_t axis : op.attributes.integers("permutation")) {
    if (op.operands[0].shape()[at(axis)] != 1) moved.push_back(axis);
  }
  return std::ranges::is_sorted(moved) ? e.reshape(op.operands[0], op.results[0].shape) : Value{};
}

Value transpose_of_transpose(Editor& e, const Op& op) {
  const Op* inner = e.find(op.operands[0], OpCode::transpose);
  if (inner == nullptr) return {};
  return e.transpose(inner->operands[0],
                     pick(inner->attributes.integers("permutation"), op.attributes.integers("permutation")));
}

Value transpose_of_broadcast(Editor& e, const Op& op) {
  const Op* inner = e.find(op.operands[0], OpCode::broadcast);
  if (inner == nullptr) return {};
  const Axes place = inverse(op.attributes.integers("permutation"));
  const Axes dims = pick(place, inner->attributes.integers("dims"));  // where each axis of x comes to lie
  Axes order = all_axes(rank_of(dims));
  std::ranges::sort(order, {}, [&](int64_t axis) { return dims[at(axis)]; });
  return e.broadcast(e.transpose(inner->operands[0], order), op.results[0].shape, pick(dims, order));
}

Value broadcast_of_same_size(Editor& e, const Op& op) {
  const bool same = op.results[0].elements() == op.operands[0].type().elements();
  return same ? e.reshape(op.operands[0], op.results[0].shape) : Value{};
}

Value broadcast_of_units(Editor& e, const Op& op) {
  const Shape& before = op.operands[0].shape();
  const Axes kept = longer_than_one(before);
  if (kept.size() == before.size()) return {};
  return e.broadcast(e.reshape(op.operands[0], pick(before, kept)), op.results[0].shape,
                     pick(op.attributes.integers("dims"), kept));
}

Value broadcast_of_broadcast(Editor& e, const Op& op) {
  const Op* inner = e.find(op.operands[0], OpCode::broadcast);
  if (inner == nullptr) return {};
  return e.broadcast(inner->operands[0], op.results[0].shape,
                     pick(op.attributes.integers("dims"), inner->attributes.integers("dims")));
}

Value view_of_splat(Editor& e, const Op& op) {
  if (op.code == OpCode::pad || op.code == OpCode::concat) return {};  // have rules of their own
  const auto splat = e.splat(op.operands[0]);
  return splat ? e.constant(*splat, op.results[0].shape) : Value{};
}

Value iota_of_axes(Editor& e, const Op& op) {
  const int64_t axis = op.attributes.integer("axis");
  const graph::TensorType& type = op.results[0];
  const int64_t extent = type.shape[at(axis)];
  if (extent == 1) return e.constant(make_splat(0, type.dtype), type.shape);
  if (type.rank() == 1) return {};
  const Value along =
      e.emit(OpCode::iota, {}, {{"axis", int64_t{0}}, {"dtype", type.dtype}, {"shape", Shape{extent}}});
  return e.broadcast(along, type.shape, {axis});
}

}  // namespace sinter::passes::rewrites
