#include "passes/fuse/legalize.h"

#include <limits>

#include "ir/graph/builder.h"
#include "passes/rewrite.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// Row-major position over `axes`, for each element of `shape`.
Value positions(graph::Builder& b, const graph::Shape& shape, const std::vector<int64_t>& axes) {
  Value result;
  int64_t stride = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const Value along = b.iota({graph::DType::i32, shape}, axes[i]);
    const Value step =
        stride == 1 ? along : b.mul(along, b.constant_like(static_cast<double>(stride), along));
    result = result ? b.add(step, result) : step;
    stride *= shape[static_cast<size_t>(axes[i])];
  }
  return result ? result : b.constant(0, graph::DType::i32, shape);
}

std::vector<Value> argmax(graph::Builder& b, const Op& op) {
  Value x = op.operands[0];
  if (x.dtype() == graph::DType::boolean) x = b.cast(x, graph::DType::i32);
  const auto& axes = op.attributes.integers("axes");
  const Value greatest = b.reduce_max(x, axes, true);
  Value hit = b.equal(x, greatest);
  // A NaN is the greatest, and equals nothing.
  if (graph::is_floating(x.dtype())) hit = b.logical_or(hit, b.not_equal(x, x));
  const Value place = positions(b, x.shape(), axes);
  const Value none = b.constant_like(std::numeric_limits<int32_t>::max(), place);
  return {b.reduce_min(b.select(hit, place, none), axes)};
}

// A reduction of bools, by way of integers.
std::vector<Value> reduce_bool(graph::Builder& b, const Op& op) {
  const Value x = b.cast(op.operands[0], graph::DType::i32);
  return {b.cast(b.emit(op.code, {x}, op.attributes).result(), graph::DType::boolean)};
}

}  // namespace

void legalize(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    if (op.code == OpCode::argmax) return argmax(builder, op);
    const bool folds_bools =
        op.kind() == graph::OpKind::reduction && op.operands[0].dtype() == graph::DType::boolean;
    if (folds_bools) return reduce_bool(builder, op);
    return std::nullopt;
  });
}

}  // namespace sinter::passes
