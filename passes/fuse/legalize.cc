#include "passes/fuse/legalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph/builder.h"
#include "passes/base/kernel_builder.h"
#include "passes/base/rewrite.h"
#include "passes/fuse/folds.h"
#include "passes/fuse/groups.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
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

// What is copied into every kernel that reads a value: how many places in memory an element may come from, of
// concatenations of views of concatenations each doubles them; and how many views lie one on another.
class Views {
 public:
  struct Cone {
    int64_t places = 1;
    int64_t depth = 0;
  };

  // Of an op whose operands were asked for before.
  Cone of(const Op& op) {
    if (!is_virtual(op)) return {};
    if (const auto it = known_.find(&op); it != known_.end()) return it->second;
    Cone cone{.places = 0, .depth = 0};
    for (Value operand : op.operands) {
      const Cone below = of(*operand.op);
      cone.places += below.places;
      cone.depth = std::max(cone.depth, below.depth + depth_of(op));
    }
    return known_[&op] = cone;
  }

 private:
  // Each reshape divides what it is given twice, once for the quotient and once for the rest.
  static int64_t depth_of(const Op& op) { return op.code == OpCode::reshape ? 4 : 1; }

  std::unordered_map<const Op*, Cone> known_;
};

constexpr int64_t kMostPlaces = 4;  // of concatenations of views of concatenations
// What walks an expression recurses as deep as views lie on views.
constexpr int64_t kMostDepth = 32;

}  // namespace

Value apart(graph::Function& function, const Op& op) {
  KernelBuilder kernel(graph::Anchor::map, op.location);
  // Its views, operands before what reads them, and what these read.
  std::vector<const Op*> views;
  std::unordered_set<const Op*> seen;
  std::vector<std::pair<const Op*, size_t>> stack = {{&op, 0}};
  while (!stack.empty()) {
    auto& [view, next] = stack.back();
    if (next == view->operands.size()) {
      views.push_back(view);
      stack.pop_back();
    } else if (const Op* operand = view->operands[next++].op; is_virtual(*operand)) {
      if (seen.insert(operand).second) stack.push_back({operand, 0});
    }
  }
  for (const Op* view : views) kernel.clone(*view);
  kernel.output(kernel.find({const_cast<Op*>(&op), 0}));
  return function.append(kernel.finish()).result();
}

namespace {

// Whether a view is better kept in memory than copied into what reads it. What makes more elements of few is
// left to the next view, up to a point.
bool stands_apart(const Op& op, const Views::Cone& cone) {
  if (op.kind() != OpKind::view || !is_virtual(op)) return false;
  const auto parts = static_cast<int64_t>(op.operands.size());
  if (op.code == OpCode::concat && cone.places > std::max(parts, kMostPlaces)) return true;
  if (cone.depth <= kMostDepth) return false;
  const bool grows = op.code != OpCode::concat && op.results[0].elements() > op.operands[0].type().elements();
  return !grows || cone.depth > 2 * kMostDepth;
}

// A window of more places, or with more behind them, is summed by a loop.
constexpr int64_t kMostTaps = 16;
constexpr int64_t kMostPlacesOfTaps = 128;

bool is_better_without_fold(const Op& op, int64_t places) {
  const int64_t taps = op.operands[0].shape().back();
  return windows_are_apart(op) || taps > kMostTaps || taps * places > kMostPlacesOfTaps;
}

// A concatenation of more parts is one of concatenations.
constexpr size_t kMostParts = 64;

Value concat_of_concats(graph::Builder& b, const Op& op) {
  const int64_t axis = op.attributes.integer("axis");
  std::vector<Value> parts = op.operands;
  while (parts.size() > kMostParts) {
    const size_t count = (parts.size() + kMostParts - 1) / kMostParts;
    std::vector<Value> wholes;
    for (size_t i = 0; i < count; ++i) {
      const auto begin = parts.begin() + static_cast<std::ptrdiff_t>(i * parts.size() / count);
      const auto end = parts.begin() + static_cast<std::ptrdiff_t>((i + 1) * parts.size() / count);
      wholes.push_back(b.concat({begin, end}, axis));
    }
    parts = std::move(wholes);
  }
  return b.concat(parts, axis);
}

}  // namespace

void legalize(graph::Module& module, graph::Function& function) {
  Views views;
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    if (op.code == OpCode::concat && op.operands.size() > kMostParts)
      return std::vector{concat_of_concats(builder, op)};
    if (op.code == OpCode::fold && is_better_without_fold(op, views.of(*op.operands[0].op).places))
      return std::vector{without_fold(builder, op)};
    if (stands_apart(op, views.of(op))) return std::vector{apart(function, op)};
    if (op.code == OpCode::argmax) return argmax(builder, op);
    const bool folds_bools =
        op.kind() == graph::OpKind::reduction && op.operands[0].dtype() == graph::DType::boolean;
    if (folds_bools) return reduce_bool(builder, op);
    return std::nullopt;
  });
}

}  // namespace sinter::passes
