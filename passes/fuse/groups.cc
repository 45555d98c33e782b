#include "passes/fuse/groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;

const char* name(Group::Anchor anchor) {
  switch (anchor) {
    case Group::Anchor::map:
      return "map";
    case Group::Anchor::reduce:
      return "reduce";
    case Group::Anchor::contract:
      return "contract";
    case Group::Anchor::scatter:
      return "scatter";
    case Group::Anchor::cumsum:
      return "cumsum";
    case Group::Anchor::top_k:
      return "top_k";
    case Group::Anchor::attention:
      return "attention";
    case Group::Anchor::attention_backward:
      return "attention_backward";
  }
  return "";
}

int64_t Group::rows() const {
  int64_t folded = 1;
  for (int64_t axis : axes) folded *= domain[static_cast<size_t>(axis)];
  return folded == 0 ? 0 : graph::element_count(domain) / folded;
}

bool is_table(const Op& op) {
  return op.code == OpCode::constant && op.attributes.has("values");
}

bool is_pointwise(const Op& op) {
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::check;
}

bool is_attention(const Group& group) {
  return group.anchor == Group::Anchor::attention || group.anchor == Group::Anchor::attention_backward;
}

bool is_virtual(const Op& op) {
  if (is_table(op)) return false;
  return op.kind() == OpKind::view || (op.kind() == OpKind::source && op.code != OpCode::parameter);
}

Value strip_views(Value value) {
  while (value.op->kind() == OpKind::view && value.op->code != OpCode::concat) value = value.op->operands[0];
  return value;
}

Group* Groups::of(const Op& op) const {
  const auto it = owner_.find(&op);
  return it == owner_.end() ? nullptr : it->second;
}

Group& Groups::start(Group::Anchor anchor, Op& op) {
  groups_.push_back(std::make_unique<Group>());
  Group& group = *groups_.back();
  group.anchor = anchor;
  if (!op.results.empty()) group.domain = op.results[0].shape;
  join(group, op, {});
  return group;
}

void Groups::join(Group& group, Op& op, const Place& place) {
  group.ops.push_back(&op);
  owner_[&op] = &group;
  for (size_t i = 0; i < op.results.size(); ++i) group.places[op.result(static_cast<int>(i))] = place;
}

void Groups::remove(Group& group) {
  group.removed = true;
  for (const Op* op : group.ops) recompute(*op);
}

namespace {

// Calls `visit` with every op that computes something which `op` reads through sources and views.
template <typename Visit>
void for_each_producer(const Op& op, const Visit& visit) {
  for (Value operand : op.operands) {
    if (is_virtual(*operand.op)) {
      for_each_producer(*operand.op, visit);
    } else {
      visit(*operand.op);
    }
  }
}

}  // namespace

bool Groups::depends(const Group& later, const Group& earlier) const {
  std::unordered_set<const Group*> seen;
  std::vector<const Group*> pending = {&later};
  while (!pending.empty()) {
    const Group* group = pending.back();
    pending.pop_back();
    if (group == &earlier) return true;
    if (!seen.insert(group).second) continue;
    // Through ops that stay outside of groups (scans), too.
    std::vector<const Op*> ops(group->ops.begin(), group->ops.end());
    std::unordered_set<const Op*> outside;
    while (!ops.empty()) {
      const Op* op = ops.back();
      ops.pop_back();
      for_each_producer(*op, [&](const Op& producer) {
        if (const Group* source = of(producer)) {
          if (source != group) pending.push_back(source);
        } else if (outside.insert(&producer).second) {
          ops.push_back(&producer);
        }
      });
    }
  }
  return false;
}

namespace {

Shape squeezed(const Shape& shape) {
  Shape result;
  for (int64_t extent : shape) {
    if (extent != 1) result.push_back(extent);
  }
  return result;
}

// Whether the broadcast spreads a value of one element a row over the domain of `group`.
bool spreads_rows(const Group& group, const Op& broadcast) {
  const Shape& from = broadcast.operands[0].shape();
  const Shape& to = broadcast.results[0].shape;
  const auto& dims = broadcast.attributes.integers("dims");
  if (to == group.domain) {
    // Every axis that is kept, and no other, comes from the operand.
    for (size_t axis = 0; axis < to.size(); ++axis) {
      const auto it = std::find(dims.begin(), dims.end(), static_cast<int64_t>(axis));
      const bool given = it != dims.end() && from[static_cast<size_t>(it - dims.begin())] != 1;
      const bool folded =
          std::find(group.axes.begin(), group.axes.end(), static_cast<int64_t>(axis)) != group.axes.end();
      if (to[axis] != 1 && given == folded) return false;
    }
    return true;
  }
  return false;
}

}  // namespace

std::optional<Place> place_in(const Group& group, Value value) {
  if (const auto it = group.places.find(value); it != group.places.end()) return it->second;
  const Op& op = *value.op;
  if (op.kind() != OpKind::view) return std::nullopt;
  const auto below = place_in(group, op.operands[0]);
  if (!below) return std::nullopt;
  switch (op.code) {
    case OpCode::reshape:
      return below;
    case OpCode::transpose: {
      Place place = *below;
      if (squeezed(op.operands[0].shape()).size() > 1) {
        place.moved += fmt::format("{}>{};", fmt::join(op.operands[0].shape(), ","),
                                   fmt::join(op.attributes.integers("permutation"), ","));
      }
      return place;
    }
    case OpCode::broadcast:
      if (op.results[0].elements() == op.operands[0].type().elements()) return below;
      if (below->row && below->moved.empty() && spreads_rows(group, op)) return Place{};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace sinter::passes
