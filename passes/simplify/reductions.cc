#include <algorithm>
#include <limits>

#include "ir/index/axis_groups.h"
#include "passes/simplify/axes.h"
#include "passes/simplify/rewrites.h"

namespace sinter::passes::rewrites {

using graph::OpCode;
using graph::Shape;

namespace {

Value reduce(Editor& e, OpCode code, Value x, Axes axes) {
  return axes.empty() ? x : e.emit(code, {x}, {{"axes", std::move(axes)}});
}

// The axes behind those reduced, where they are all of extent 1: what is reduced lies in rows without them.
Axes units_behind(const Shape& shape, const Axes& reduced) {
  Axes units;
  for (int64_t axis = reduced.empty() ? rank_of(shape) : reduced.back() + 1; axis < rank_of(shape); ++axis) {
    if (shape[at(axis)] != 1) return {};
    units.push_back(axis);
  }
  return units;
}

// Where the axes `kept` of a tensor come to lie when no others are left.
Axes places(const Axes& axes, const Axes& kept) {
  Axes result;
  for (int64_t axis : axes) result.push_back(std::ranges::find(kept, axis) - kept.begin());
  return result;
}

// As a number of the type; nothing where it has no such number, or the type only moves.
std::optional<Splat> as_factor(int64_t count, graph::DType type) {
  if (graph::size_in_bytes(type) < 4 || count > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return make_splat(static_cast<double>(count), type);
}

}  // namespace

Value reduction_over_units(Editor& e, const Op& op) {
  if (op.code == OpCode::argmax) return {};
  const Shape& shape = op.operands[0].shape();
  const Axes& axes = op.attributes.integers("axes");
  Axes units, others;
  for (int64_t axis : axes) (shape[at(axis)] == 1 ? units : others).push_back(axis);
  for (int64_t axis : units_behind(shape, others)) {
    if (!contains(units, axis)) units.push_back(axis);
  }
  if (units.empty() && !axes.empty()) return {};
  const Axes kept = without(rank_of(shape), units);
  const Value reduced =
      reduce(e, op.code, e.reshape(op.operands[0], pick(shape, kept)), places(others, kept));
  return e.reshape(reduced, op.results[0].shape);
}

Value argmax_of_one(Editor& e, const Op& op) {
  const graph::TensorType& type = op.results[0];
  if (op.operands[0].type().elements() != type.elements()) return {};
  return e.constant(make_splat(0, type.dtype), type.shape);
}

Value sum_of_nothing(Editor& e, const Op& op) {
  const graph::TensorType& type = op.results[0];
  const bool has_terms = std::ranges::all_of(op.operands, [](Value x) { return x.type().elements() > 0; });
  return has_terms ? Value{} : e.constant(make_splat(0, type.dtype), type.shape);
}

Value reduction_of_splat(Editor& e, const Op& op) {
  if (op.code == OpCode::argmax) return {};
  const auto splat = e.splat(op.operands[0]);
  if (!splat) return {};
  const int64_t count = graph::element_count(pick(op.operands[0].shape(), op.attributes.integers("axes")));
  if (op.code != OpCode::reduce_sum) return count > 0 ? e.constant(*splat, op.results[0].shape) : Value{};
  const auto factor = as_factor(count, splat->type);
  if (!factor) return {};
  const auto sum = count > 0 ? fold_binary(loop::ScalarOp::mul, *splat, *factor) : factor;
  return e.constant(*sum, op.results[0].shape);
}

Value reduction_of_broadcast(Editor& e, const Op& op) {
  if (op.code == OpCode::argmax) return {};
  const Op* broadcast = e.find(op.operands[0], OpCode::broadcast);
  if (broadcast == nullptr) return {};
  const Value x = broadcast->operands[0];
  const Shape& shape = broadcast->results[0].shape;
  const Axes& dims = broadcast->attributes.integers("dims");
  Axes repeated, others;
  for (int64_t axis : op.attributes.integers("axes")) {
    (contains(dims, axis) ? others : repeated).push_back(axis);
  }
  const int64_t count = graph::element_count(pick(shape, repeated));
  const bool sums = op.code == OpCode::reduce_sum;
  const auto factor = sums ? as_factor(count, x.dtype()) : std::nullopt;
  if (repeated.empty() || (sums && !factor)) return {};

  const Axes kept = without(rank_of(shape), repeated);
  const Value once = e.broadcast(x, pick(shape, kept), places(dims, kept));
  const Value reduced = reduce(e, op.code, once, places(others, kept));
  return sums ? e.emit(OpCode::mul, {reduced, e.constant(*factor, reduced.shape())}) : reduced;
}

Value reduction_of_reshape(Editor& e, const Op& op) {
  if (op.code == OpCode::argmax) return {};
  const Op* reshape = e.find(op.operands[0], OpCode::reshape);
  if (reshape == nullptr) return {};
  const Axes& axes = op.attributes.integers("axes");
  const Shape& after = reshape->results[0].shape;
  const auto groups = loop::group_axes(reshape->operands[0].shape(), after);
  if (!groups) return {};
  Axes before;
  for (const loop::AxisGroup& group : *groups) {
    const auto reduced = all_in(after, group.to_begin, group.to_end, axes);
    if (!reduced) return {};
    if (!*reduced) continue;
    for (int64_t axis = group.from_begin; axis < group.from_end; ++axis) before.push_back(axis);
  }
  if (before.empty() || !units_behind(reshape->operands[0].shape(), before).empty()) return {};
  return e.reshape(reduce(e, op.code, reshape->operands[0], before), op.results[0].shape);
}

Value reduction_of_transpose(Editor& e, const Op& op) {
  if (op.code == OpCode::argmax) return {};
  const Op* transpose = e.find(op.operands[0], OpCode::transpose);
  if (transpose == nullptr) return {};
  const Axes& permutation = transpose->attributes.integers("permutation");
  const Axes& axes = op.attributes.integers("axes");
  Axes before = pick(permutation, axes);
  std::ranges::sort(before);
  const Axes kept = pick(permutation, without(rank_of(permutation), axes));  // in the order of the result
  Axes sorted = kept;
  std::ranges::sort(sorted);
  return e.transpose(reduce(e, op.code, transpose->operands[0], before), places(kept, sorted));
}

}  // namespace sinter::passes::rewrites
