#include <algorithm>
#include <cmath>

#include "passes/simplify/axes.h"
#include "passes/simplify/rewrites.h"

namespace sinter::passes::rewrites {

using graph::DType;
using graph::OpCode;
using graph::Shape;

namespace {

// The axes of a broadcast's result that its operand fills, and not by stretching an extent of 1.
Axes own_axes(const Op& broadcast) {
  Axes own;
  const Shape& before = broadcast.operands[0].shape();
  const Axes& dims = broadcast.attributes.integers("dims");
  for (size_t i = 0; i < dims.size(); ++i) {
    if (before[i] == broadcast.results[0].shape[at(dims[i])]) own.push_back(dims[i]);
  }
  return own;
}

// `x`, that fills the axes `own` of `shape`, laid out over the axes `wider` of it.
Value over_axes(Editor& e, Value x, const Shape& shape, const Axes& own, const Axes& wider) {
  Axes dims;
  for (int64_t axis : own) dims.push_back(std::ranges::find(wider, axis) - wider.begin());
  return e.broadcast(e.reshape(x, pick(shape, own)), pick(shape, wider), dims);
}

bool reads_as(const Editor& e, Value operand, const Shape& shape) {
  if (e.splat(operand)) return true;
  if (const Op* reshape = e.find(operand, OpCode::reshape)) return reshape->operands[0].shape() == shape;
  const Op* broadcast = e.find(operand, OpCode::broadcast);
  return broadcast != nullptr && can_reshape_broadcast(*broadcast, shape);
}

Value read_as(Editor& e, Value operand, const Shape& shape) {
  if (const auto splat = e.splat(operand)) return e.constant(*splat, shape);
  if (const Op* reshape = e.find(operand, OpCode::reshape)) return reshape->operands[0];
  return reshaped_broadcast(e, *e.find(operand, OpCode::broadcast), shape);
}

// What becomes of a broadcast's dims where its result is transposed back.
Axes dims_before(const Op& broadcast, const Axes& permutation) {
  return pick(permutation, broadcast.attributes.integers("dims"));
}

bool reads_before(const Editor& e, Value operand, const Axes& permutation) {
  if (e.splat(operand)) return true;
  if (const Op* transpose = e.find(operand, OpCode::transpose)) {
    return transpose->attributes.integers("permutation") == permutation;
  }
  const Op* broadcast = e.find(operand, OpCode::broadcast);
  return broadcast != nullptr && std::ranges::is_sorted(dims_before(*broadcast, permutation));
}

Value read_before(Editor& e, Value operand, const Axes& permutation, const Shape& shape) {
  if (const auto splat = e.splat(operand)) return e.constant(*splat, shape);
  if (const Op* transpose = e.find(operand, OpCode::transpose)) return transpose->operands[0];
  const Op* broadcast = e.find(operand, OpCode::broadcast);
  return e.broadcast(broadcast->operands[0], shape, dims_before(*broadcast, permutation));
}

}  // namespace

Value fold_constants(Editor& e, const Op& op) {
  std::vector<Splat> splats;
  for (Value operand : op.operands) {
    const auto splat = e.splat(operand);
    if (!splat) return {};
    splats.push_back(*splat);
  }
  const auto folded = fold_elementwise(op, splats);
  return folded ? e.constant(*folded, op.results[0].shape) : Value{};
}

Value cast_of_table(Editor& e, const Op& op) {
  const Op* table = e.find(op.operands[0], OpCode::constant);
  if (table == nullptr || !table->attributes.has("values")) return {};
  const auto attributes = cast_table(*table, op.results[0].dtype);
  return attributes ? e.emit(OpCode::constant, {}, *attributes) : Value{};
}

Value cast_to_own_type(Editor&, const Op& op) {
  return op.results[0] == op.operands[0].type() ? op.operands[0] : Value{};
}

Value division_by_power_of_two(Editor& e, const Op& op) {
  const auto divisor = e.splat(op.operands[1]);
  if (!divisor || (divisor->type != DType::f32 && divisor->type != DType::f64)) return {};
  const double value = divisor->value.number;
  const Splat inverse = make_splat(1 / value, divisor->type);
  const auto is_normal = [&](double x) {
    return divisor->type == DType::f32 ? std::isnormal(static_cast<float>(x)) : std::isnormal(x);
  };
  int exponent = 0;
  if (std::abs(std::frexp(value, &exponent)) != 0.5 || !is_normal(value) || !is_normal(1 / value)) return {};
  return e.emit(OpCode::mul, {op.operands[0], e.constant(inverse, op.results[0].shape)});
}

Value elementwise_of_choice(Editor& e, const Op& op) {
  if (op.code == OpCode::stop_gradient) return {};
  const Op* choice = nullptr;
  std::vector<Splat> taken, left;
  for (Value operand : op.operands) {
    const auto splat = e.splat(operand);
    const Op* select = splat || choice != nullptr ? nullptr : e.find(operand, OpCode::select);
    const auto first = select != nullptr ? e.splat(select->operands[1]) : splat;
    const auto second = select != nullptr ? e.splat(select->operands[2]) : splat;
    if (!first || !second) return {};
    if (select != nullptr) choice = select;
    taken.push_back(*first);
    left.push_back(*second);
  }
  if (choice == nullptr) return {};
  const auto if_true = fold_elementwise(op, taken), if_false = fold_elementwise(op, left);
  if (!if_true || !if_false) return {};
  const Shape& shape = op.results[0].shape;
  return e.emit(OpCode::select,
                {choice->operands[0], e.constant(*if_true, shape), e.constant(*if_false, shape)});
}

Value elementwise_of_broadcasts(Editor& e, const Op& op) {
  if (op.code == OpCode::stop_gradient) return {};
  const Shape& shape = op.results[0].shape;
  Axes axes;
  for (Value operand : op.operands) {
    if (e.splat(operand)) continue;
    const Op* broadcast = e.find(operand, OpCode::broadcast);
    if (broadcast == nullptr) return {};
    std::ranges::copy(own_axes(*broadcast), std::back_inserter(axes));
  }
  std::ranges::sort(axes);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const Shape smaller = pick(shape, axes);
  const bool fewer =
      axes.size() < shape.size() && graph::element_count(smaller) <= graph::element_count(shape);
  if (!fewer) return {};

  std::vector<Value> operands;
  for (Value operand : op.operands) {
    const auto splat = e.splat(operand);
    const Op* broadcast = e.find(operand, OpCode::broadcast);
    operands.push_back(splat ? e.constant(*splat, smaller)
                             : over_axes(e, broadcast->operands[0], shape, own_axes(*broadcast), axes));
  }
  return e.broadcast(e.emit(op.code, std::move(operands), op.attributes), shape, axes);
}

Value elementwise_of_reshapes(Editor& e, const Op& op) {
  if (op.code == OpCode::stop_gradient) return {};
  for (Value candidate : op.operands) {
    const Op* reshape = e.find(candidate, OpCode::reshape);
    if (reshape == nullptr) continue;
    const Shape before = reshape->operands[0].shape();
    if (!std::ranges::all_of(op.operands, [&](Value operand) { return reads_as(e, operand, before); }))
      continue;
    std::vector<Value> operands;
    for (Value operand : op.operands) operands.push_back(read_as(e, operand, before));
    return e.reshape(e.emit(op.code, std::move(operands), op.attributes), op.results[0].shape);
  }
  return {};
}

Value elementwise_of_transposes(Editor& e, const Op& op) {
  if (op.code == OpCode::stop_gradient) return {};
  for (Value candidate : op.operands) {
    const Op* transpose = e.find(candidate, OpCode::transpose);
    if (transpose == nullptr) continue;
    const Axes& permutation = transpose->attributes.integers("permutation");
    const Shape& before = transpose->operands[0].shape();
    const auto fits = [&](Value operand) { return reads_before(e, operand, permutation); };
    if (!std::ranges::all_of(op.operands, fits)) continue;
    std::vector<Value> operands;
    for (Value operand : op.operands) operands.push_back(read_before(e, operand, permutation, before));
    return e.transpose(e.emit(op.code, std::move(operands), op.attributes), permutation);
  }
  return {};
}

}  // namespace sinter::passes::rewrites
