#include "passes/schedule/core/loader.h"

#include <fmt/format.h>

#include "ir/error.h"
#include "ir/index/view_maps.h"
#include "ir/loop/scalar_op.h"
#include "passes/expand_math/random.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;
using loop::ScalarOp;

namespace {

// The attribute `value` in the type of the op's result.
Expr value_of(const Op& op) {
  const loop::Type type = loop::from_graph(op.results[0].dtype);
  const graph::Attribute& value = *op.attributes.find("value");
  if (const bool* flag = std::get_if<bool>(&value)) return loop::cast(loop::boolean(*flag), type);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return loop::cast(loop::integer(*integer, loop::Type::i64), type);
  }
  return loop::constant(std::get<double>(value), type);
}

}  // namespace

Loader::Loader(const graph::Function& body, std::vector<loop::BufferRef> arguments) {
  size_t next = 0;
  for (Op* parameter : body.parameters()) buffers_[parameter] = arguments.at(next++);
}

void Loader::bind(Value value, Expr expr) {
  bound_[value] = std::move(expr);
  memo_.clear();
}

loop::VariableRef Loader::variable(std::string name, int64_t end, int64_t begin) {
  loop::VariableRef result = loop::make_variable(std::move(name));
  ranges_[result] = {begin, end};
  return result;
}

loop::BufferRef Loader::buffer_of(Value value) const {
  while (value.op->code == OpCode::reshape) value = value.op->operands[0];
  const auto it = buffers_.find(value.op);
  return it == buffers_.end() ? nullptr : it->second;
}

Expr Loader::at(Value value, const Index& index, const Expr& predicate) {
  if (const auto it = bound_.find(value); it != bound_.end()) return it->second;
  std::vector<const void*> key = {value.op, reinterpret_cast<const void*>(static_cast<intptr_t>(value.index)),
                                  predicate.get()};
  for (const Expr& axis : index) key.push_back(axis.get());
  if (const auto it = memo_.find(key); it != memo_.end()) return it->second.first;
  Expr result = compute(value, index, predicate);
  Index keep = index;
  keep.push_back(predicate);
  memo_[std::move(key)] = {result, std::move(keep)};
  return result;
}

Expr Loader::compute(Value value, const Index& index, const Expr& predicate) {
  const Op& op = *value.op;
  switch (op.code) {
    case OpCode::parameter:
      return loop::load(buffers_.at(&op), simplify(linearize(index, value.shape())), predicate);
    case OpCode::constant:
      return value_of(op);
    case OpCode::iota: {
      const auto axis = static_cast<size_t>(op.attributes.integer("axis"));
      return loop::cast(simplify(index[axis]), loop::from_graph(value.dtype()));
    }
    case OpCode::random_bits:
    case OpCode::random_uniform:
    case OpCode::random_normal:
      return random(op, index, predicate);
    case OpCode::cast:
      return loop::cast(at(op.operands[0], index, predicate), loop::from_graph(value.dtype()));
    case OpCode::stop_gradient:
    case OpCode::barrier:
      return at(op.operands[static_cast<size_t>(value.index)], index, predicate);
    case OpCode::check_index:
    case OpCode::check_finite:
      return at(op.operands[0], index, predicate);
    case OpCode::gather: {
      const int64_t axis = op.attributes.integer("axis");
      const Value table = op.operands[0], indices = op.operands[1];
      const auto first = index.begin() + axis;
      const Index position(first, first + indices.rank());
      Index source(index.begin(), first);
      source.push_back(clamped(indices, position, table.shape()[static_cast<size_t>(axis)] - 1, predicate));
      source.insert(source.end(), first + indices.rank(), index.end());
      return at(table, source, predicate);
    }
    case OpCode::dynamic_slice: {
      Index source;
      for (size_t axis = 0; axis < index.size(); ++axis) {
        source.push_back(block_start(op, axis, predicate) + index[axis]);
      }
      return at(op.operands[0], source, predicate);
    }
    case OpCode::fold: {
      // Every place of every window that covers the element.
      const auto axis = static_cast<size_t>(op.attributes.integer("axis"));
      const int64_t stride = op.attributes.integer("stride"), dilation = op.attributes.integer("dilation");
      const int64_t size = op.operands[0].shape().back(), windows = op.operands[0].shape()[axis];
      const loop::Type type = loop::from_graph(value.dtype());
      Expr sum;
      for (int64_t place = 0; place < size; ++place) {
        const Expr offset = index[axis] - place * dilation;
        const Expr inside = offset >= loop::integer(0) &&
                            offset < loop::integer((windows - 1) * stride + 1) &&
                            offset % stride == loop::integer(0);
        Index source = index;
        source[axis] = offset / stride;
        source.push_back(loop::integer(place));
        const Expr term =
            loop::select(inside, at(op.operands[0], source, inside && predicate), loop::constant(0, type));
        sum = sum ? sum + term : term;
      }
      return sum;
    }
    case OpCode::dynamic_update: {
      const Value x = op.operands[0], update = op.operands[1];
      Expr inside;
      Index source;
      for (size_t axis = 0; axis < index.size(); ++axis) {
        const Expr start = block_start(op, axis, predicate);
        inside = inside && index[axis] >= start && index[axis] < start + update.shape()[axis];
        source.push_back(index[axis] - start);
      }
      if (!inside) return at(update, source, predicate);
      return loop::select(inside, at(update, source, inside && predicate), at(x, index, predicate));
    }
    default:
      break;
  }
  if (op.kind() == OpKind::elementwise) {
    std::vector<Expr> args;
    for (Value operand : op.operands) args.push_back(at(operand, index, predicate));
    return loop::apply(loop::scalar_op(op.code).value(), std::move(args));
  }
  if (op.kind() == OpKind::view) return view(op, index, predicate);
  throw InternalError(fmt::format("'{}' needs a loop of its own", graph::name(op.code)));
}

Expr Loader::block_start(const Op& op, size_t axis, const Expr& predicate) {
  const bool updates = op.code == OpCode::dynamic_update;
  const int64_t size = (updates ? op.operands[1].shape() : op.results[0].shape)[axis];
  const Value start = op.operands[axis + (updates ? 2 : 1)];
  return clamped(start, {}, op.operands[0].shape()[axis] - size, predicate);
}

// An index read from a tensor, moved into [0, last], so that no load leaves its buffer.
Expr Loader::clamped(Value value, const Index& index, int64_t last, const Expr& predicate) {
  if (last <= 0) return loop::integer(0);
  Expr raw = at(value, index, predicate);
  // An index may have no more bits than an i32.
  if (raw->type == loop::Type::i32) raw = loop::cast(raw, loop::Type::index);
  const auto number = [&](int64_t x) { return loop::integer(x, raw->type); };
  return loop::cast(loop::min(loop::max(raw, number(0)), number(last)), loop::Type::index);
}

Expr Loader::view(const Op& op, const Index& index, const Expr& predicate) {
  if (op.code == OpCode::concat) return joined(op, index, predicate);
  const Value x = op.operands[0];
  if (op.code == OpCode::reshape) {
    // A buffer is contiguous whatever its shape: no need to take the index apart.
    if (loop::BufferRef buffer = buffer_of(x)) {
      return loop::load(buffer, simplify(linearize(index, op.results[0].shape)), predicate);
    }
  }
  if (op.code == OpCode::pad && x.type().elements() == 0) return value_of(op);
  const auto [source, inside] = loop::source_of(op, index, ranges_);
  const Expr value = at(x, source, inside && predicate);
  return inside ? loop::select(inside, value, value_of(op)) : value;
}

Expr Loader::joined(const Op& concat, const Index& index, const Expr& predicate) {
  const auto axis = static_cast<size_t>(concat.attributes.integer("axis"));
  int64_t end = concat.results[0].shape[axis];
  Expr result;
  for (size_t part = concat.operands.size(); part-- > 0;) {
    const Value operand = concat.operands[part];
    const int64_t extent = operand.shape()[axis];
    if (extent == 0) continue;
    const auto [source, inside] = loop::source_of(concat, index, ranges_, part);
    const Expr value = at(operand, source, inside && predicate);
    result = result ? loop::select(index[axis] < loop::integer(end), value, result) : value;
    end -= extent;
  }
  return result;
}

Expr Loader::random(const Op& op, const Index& index, const Expr& predicate) {
  const graph::TensorType& type = op.results[0];
  const Expr salt = op.operands.empty() ? nullptr : at(op.operands[0], {}, predicate);
  const Expr element = simplify(linearize(index, type.shape));
  const RandomStream stream = random_stream(op.attributes.integer("key"), salt);
  const RandomWords words = random_words(stream, element, type.elements());
  if (op.code == OpCode::random_bits) return words.first;
  const bool single = type.dtype == graph::DType::f32;
  if (op.code == OpCode::random_uniform) return single ? uniform_f32(words) : uniform_f64(words);
  return single ? normal_f32(words, {}) : normal_f64(words);
}

}  // namespace sinter::passes
