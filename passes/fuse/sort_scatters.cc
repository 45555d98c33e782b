#include "passes/fuse/sort_scatters.h"

#include "ir/graph/builder.h"
#include "passes/base/costs.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::DType;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

namespace {

constexpr int64_t kFewPositions = 16;
constexpr int64_t kElementsAPosition = 8;  // of the table, from which on sorting pays

// On a GPU, in cycles: of a lane that looks at one position after the other, and adds one; and of comparing
// positions with one another, which all lanes share.
constexpr double kCyclesOfLook = 140, kCyclesOfAdd = 300, kComparesACycle = 16;

// Whether a lane would look at more positions than take as long as sorting them.
bool is_sooner_sorted(const Op& op, const loop::Target& target) {
  const auto positions = static_cast<double>(op.operands[1].type().elements());
  const auto axis = static_cast<size_t>(op.attributes.integer("axis"));
  const auto rows = static_cast<double>(op.operands[0].shape()[axis]);
  const double compares =
      2 * positions * positions / kComparesACycle / static_cast<double>(target.multiprocessors);
  return compares + 2 * kCyclesOfLaunch + positions / rows * kCyclesOfAdd < positions * kCyclesOfLook;
}

bool pays(const Op& op, const loop::Target& target) {
  if (op.code != OpCode::scatter_add || op.attributes.flag("sorted")) return false;
  const int64_t positions = op.operands[1].type().elements(), elements = op.operands[0].type().elements();
  if (positions < kFewPositions || elements == 0) return false;
  return elements >= kElementsAPosition * positions ||
         (target.has_fast_shared() && is_sooner_sorted(op, target));
}

// A position's place is the number of those that come before it: with a lower row, or with the same one and
// earlier. Each place then looks for its position.
Value sorted(graph::Builder& b, const Op& op) {
  const Value base = op.operands[0], indices = op.operands[1], updates = op.operands[2];
  const int64_t axis = op.attributes.integer("axis"), positions = indices.type().elements();
  const Shape square = {positions, positions};
  const Value rows = b.reshape(indices, {positions});
  const Value mine = b.broadcast(rows, square, {0}), other = b.broadcast(rows, square, {1});
  const Value here = b.iota({DType::i32, square}, 0), there = b.iota({DType::i32, square}, 1);
  const Value is_same = b.equal(other, mine), is_earlier = b.logical_and(is_same, b.less(there, here));
  const Value is_before = b.logical_or(b.less(other, mine), is_earlier);
  const Value place = b.reduce_sum(b.cast(is_before, DType::i32), {1});
  const Value is_here = b.equal(b.broadcast(place, square, {1}), here);
  const auto of_place = [&](Value value) {
    return b.reduce_sum(b.select(is_here, value, b.constant_like(0, value)), {1});
  };
  const Value order = of_place(there), sorted_rows = of_place(other);
  Shape flat = base.shape();
  flat[static_cast<size_t>(axis)] = positions;
  const Value moved = b.gather(b.reshape(updates, flat), order, axis);
  return b.emit(OpCode::scatter_add, {base, sorted_rows, moved}, {{"axis", axis}, {"sorted", true}}).result();
}

}  // namespace

void sort_scatters(graph::Module& module, graph::Function& function, const loop::Target& target) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (!pays(op, target)) return std::nullopt;
    graph::Builder b(module, function);
    b.set_location(op.location);
    return std::vector<Value>{sorted(b, op)};
  });
}

}  // namespace sinter::passes
