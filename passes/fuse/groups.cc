#include "passes/fuse/groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "passes/base/costs.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;

int64_t Group::rows() const {
  int64_t length = 1;
  for (int64_t axis : axes) length *= domain[static_cast<size_t>(axis)];
  return length == 0 ? 0 : graph::element_count(domain) / length;
}

bool Group::goes_along_rows() const {
  return are_last(axes, static_cast<int64_t>(domain.size()));
}

bool are_last(const std::vector<int64_t>& axes, int64_t rank) {
  const int64_t first = rank - static_cast<int64_t>(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != first + static_cast<int64_t>(i)) return false;
  }
  return !axes.empty();
}

namespace {

int64_t folded(const Shape& shape, const std::vector<int64_t>& axes) {
  int64_t count = 1;
  for (int64_t axis : axes) count *= shape[static_cast<size_t>(axis)];
  return count;
}

}  // namespace

bool has_rows_of(const Group& group, const Shape& shape, const std::vector<int64_t>& axes) {
  if (group.domain == shape && group.axes == axes) return true;
  return group.goes_along_rows() && are_last(axes, static_cast<int64_t>(shape.size())) &&
         graph::element_count(group.domain) == graph::element_count(shape) &&
         folded(group.domain, group.axes) == folded(shape, axes);
}

bool is_pointwise(const Op& op) {
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::check;
}

bool is_attention(const Group& group) {
  return group.anchor == Anchor::attention || group.anchor == Anchor::attention_backward;
}

bool is_virtual(const Op& op) {
  if (is_table(op) || (op.code == OpCode::concat && op.operands.size() > kMostSelects)) return false;
  return op.kind() == OpKind::view || (op.kind() == OpKind::source && op.code != OpCode::parameter);
}

Value strip_views(Value value) {
  while (value.op->kind() == OpKind::view && value.op->code != OpCode::concat) value = value.op->operands[0];
  return value;
}

Groups::Groups(graph::Function& function) : function_(function) {
  for (const auto& op : function.ops()) position_[op.get()] = position_.size();
}

Group* Groups::of(const Op& op) const {
  const auto it = owner_.find(&op);
  return it == owner_.end() ? nullptr : it->second;
}

Group& Groups::start(Op& op) {
  groups_.push_back(std::make_unique<Group>());
  Group& group = *groups_.back();
  group.anchor = graph::started_by(op);
  group.number = needs_.add();
  if (!op.results.empty()) group.domain = op.results[0].shape;
  join(group, op, {});
  return group;
}

void Groups::join(Group& group, Op& op, const Place& place) {
  group.ops.push_back(&op);
  group.weight += weight(op);
  owner_[&op] = &group;
  for (size_t i = 0; i < op.results.size(); ++i) group.places[op.result(static_cast<int>(i))] = place;
  for (const size_t number : read_by(op)) {
    if (!needs_.are_one(number, group.number)) needs_.add_edge(group.number, number);
  }
}

void Groups::unite(Group& group, Group& other) {
  if (group.anchor == Anchor::map) {
    group.anchor = other.anchor;
    group.domain = other.domain;
    group.axes = other.axes;
  }
  const size_t size = group.ops.size();
  group.ops.insert(group.ops.end(), other.ops.begin(), other.ops.end());
  std::inplace_merge(group.ops.begin(), group.ops.begin() + static_cast<std::ptrdiff_t>(size),
                     group.ops.end(),
                     [&](const Op* a, const Op* b) { return position_.at(a) < position_.at(b); });
  group.places.insert(other.places.begin(), other.places.end());
  group.apart.insert(group.apart.end(), other.apart.begin(), other.apart.end());
  group.weight += other.weight;
  for (const Op* op : other.ops) owner_[op] = &group;
  needs_.join(group.number, other.number);
  std::erase_if(groups_, [&](const auto& candidate) { return candidate.get() == &other; });
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

const std::vector<size_t>& Groups::read_by(const Op& op) const {
  // Ops outside of all groups lie as deep as the user has written them: no recursion.
  std::vector<const Op*> pending = {&op};
  while (!pending.empty()) {
    const Op& next = *pending.back();
    const size_t before = pending.size();
    for (Value operand : next.operands) {
      if (of(*operand.op) == nullptr && !read_by_.contains(operand.op)) pending.push_back(operand.op);
    }
    if (pending.size() > before) continue;
    pending.pop_back();
    if (!read_by_.contains(&next)) read_by_[&next] = read_directly(next);
  }
  return read_by_.at(&op);
}

std::vector<size_t> Groups::read_directly(const Op& op) const {
  std::vector<size_t> groups;
  for (Value operand : op.operands) {
    if (const Group* group = of(*operand.op)) {
      groups.push_back(group->number);
    } else {
      const std::vector<size_t>& behind = read_by_.at(operand.op);
      groups.insert(groups.end(), behind.begin(), behind.end());
    }
  }
  std::ranges::sort(groups);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

bool Groups::needs(const std::vector<const Op*>& ops, const Group& target) const {
  const auto is_needed_by = [&](size_t number) { return needs_.reaches(number, target.number); };
  return std::ranges::any_of(ops, [&](const Op* op) {
    if (const Group* group = of(*op)) return group == &target || is_needed_by(group->number);
    return std::ranges::any_of(read_by(*op), [&](size_t number) {
      return needs_.are_one(number, target.number) || is_needed_by(number);
    });
  });
}

bool Groups::depends(const Group& later, const Group& earlier) const {
  return needs({later.ops.front()}, earlier);
}

bool Groups::stand_between(const Group& a, const Group& b) const {
  std::vector<const Op*> between_a, between_b;
  const auto sources = [&](const Group& group, std::vector<const Op*>& list) {
    for (const Op* op : group.ops) {
      for_each_producer(*op, [&](const Op& producer) {
        const Group* source = of(producer);
        if (source != &a && source != &b) list.push_back(&producer);
      });
    }
  };
  sources(a, between_a);
  sources(b, between_b);
  return needs(between_a, b) || needs(between_b, a);
}

namespace {

Shape squeezed(const Shape& shape) {
  Shape result;
  for (int64_t extent : shape) {
    if (extent != 1) result.push_back(extent);
  }
  return result;
}

// Whether the broadcast spreads a value of one element a row over the elements of `group`.
bool spreads_rows(const Group& group, const Op& broadcast) {
  const Shape& from = broadcast.operands[0].shape();
  const Shape& to = broadcast.results[0].shape;
  const auto& dims = broadcast.attributes.integers("dims");
  // The axes along which elements of one row lie: those that the operand does not give.
  std::vector<int64_t> spread;
  for (int64_t axis = 0; axis < static_cast<int64_t>(to.size()); ++axis) {
    const auto it = std::find(dims.begin(), dims.end(), axis);
    const bool given = it != dims.end() && from[static_cast<size_t>(it - dims.begin())] != 1;
    if (!given && to[static_cast<size_t>(axis)] != 1) spread.push_back(axis);
  }
  if (to == group.domain) {
    for (int64_t axis = 0; axis < static_cast<int64_t>(to.size()); ++axis) {
      const bool folds = std::find(group.axes.begin(), group.axes.end(), axis) != group.axes.end();
      const bool spreads = std::find(spread.begin(), spread.end(), axis) != spread.end();
      if (to[static_cast<size_t>(axis)] != 1 && folds != spreads) return false;
    }
    return true;
  }
  return has_rows_of(group, to, spread);
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
