#include "passes/fuse/legalize.h"

#include <fmt/format.h>

#include <limits>
#include <unordered_map>

#include "ir/graph/builder.h"
#include "passes/fuse/groups.h"
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

// A reduction of bools, by way of integers: the greatest of none is negative.
std::vector<Value> reduce_bool(graph::Builder& b, const Op& op) {
  const Value x = b.cast(op.operands[0], graph::DType::i32);
  const Value reduced = b.emit(op.code, {x}, op.attributes).result();
  return {b.greater(reduced, b.constant_like(0, reduced))};
}

// From how many places in memory an element of a value may come, by what is copied into every kernel that
// reads it: of concatenations of views of concatenations each doubles them.
class Pieces {
 public:
  int64_t of(const Op& op) {
    if (!is_virtual(op)) return 1;
    if (const auto it = known_.find(&op); it != known_.end()) return it->second;
    int64_t sum = 0;
    for (Value operand : op.operands) sum += of(*operand.op);
    return known_[&op] = sum;
  }

 private:
  std::unordered_map<const Op*, int64_t> known_;
};

constexpr int64_t kMostPieces = 64;

// The op as a kernel of its own.
std::vector<Value> apart(graph::Module& module, graph::Function& function, const Op& op) {
  auto kernel = std::make_unique<Op>();
  kernel->code = OpCode::kernel;
  kernel->attributes.set("anchor", std::string(name(Group::Anchor::map)));
  kernel->location = op.location;
  kernel->results = op.results;
  kernel->body = std::make_unique<graph::Function>("body");
  graph::Builder builder(module, *kernel->body);
  graph::ValueMap<Value> map;
  for (Value operand : op.operands) {
    if (map.contains(operand)) continue;
    map[operand] = builder.parameter(fmt::format("p{}", map.size()), operand.type());
    kernel->operands.push_back(operand);
  }
  builder.output("output0", graph::clone_op(op, *kernel->body, map).result());
  return {function.append(std::move(kernel)).result()};
}

}  // namespace

void legalize(graph::Module& module, graph::Function& function) {
  Pieces pieces;
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const int64_t places = pieces.of(op);
    const bool shares = op.code == OpCode::concat && places > kMostPieces &&
                        places > static_cast<int64_t>(op.operands.size());
    if (shares) return apart(module, function, op);
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
