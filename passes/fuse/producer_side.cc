#include "passes/fuse/producer_side.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "passes/base/costs.h"
#include "passes/base/in_kernels.h"
#include "passes/fuse/columns.h"
#include "passes/fuse/limits.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

bool stays_outside(const Op& op) {
  if (op.code == OpCode::kernel) return !graph::attends(op);  // those raise and differentiate have made
  return stays_outside_kernels(op) || is_table(op);
}

void make_reduce(Group& group, const Op& op) {
  group.domain = op.operands[0].shape();
  group.axes = op.attributes.integers("axes");
  for (auto& [value, place] : group.places) place.row = true;
}

// A reduction to few rows has little parallel work of its own: what is large beside it stays apart.
constexpr int64_t kFewRows = 8;
constexpr int64_t kLargeDomain = 1 << 16;

bool is_rowwise(const Group& group) {
  return group.anchor == Anchor::map || group.anchor == Anchor::reduce;
}

// Why an op does not join a group; nothing where it does.
using Refusal = std::optional<std::string>;

class ProducerSide {
 public:
  ProducerSide(Groups& groups, const loop::Target& target)
      : groups_(groups), limits_(groups, target), sums_columns_(!target.has_fast_shared()) {}

  void run() {
    for (const auto& op : groups_.function().ops()) {
      if (!is_virtual(*op) && !stays_outside(*op)) place(*op);
    }
  }

 private:
  void place(Op& op) {
    std::vector<std::string> apart;
    if (is_pointwise(op) || op.kind() == OpKind::reduction) {
      if (join_columns(op)) return;
      for (Group* group : producers(op)) {
        const Refusal refusal = graph::element_count(group->domain) == 0
                                    ? "that kernel has no elements to go through"
                                : group->weight >= kMostWeight ? "that kernel holds as many ops as one may"
                                : is_pointwise(op)             ? join_as_pointwise(op, *group)
                                                               : join_as_reduction(op, *group);
        if (!refusal) return;
        const Op& first = *group->ops.front();
        apart.push_back(
            fmt::format("{} does not join '{}'{}: {}", graph::name(op.code),
                        first.code == OpCode::kernel ? graph::name(group->anchor) : graph::name(first.code),
                        graph::at(first.location), *refusal));
      }
    }
    Group& group = groups_.start(op);
    group.apart = std::move(apart);
    if (op.kind() == OpKind::reduction) make_reduce(group, op);
  }

  // Candidate producers, best first: reductions and contractions (latest first), then pointwise groups
  // (earliest first).
  std::vector<Group*> producers(const Op& op) const {
    std::vector<Group*> list;
    for (Value operand : op.operands) {
      Group* group = groups_.of(*strip_views(operand).op);
      if (group != nullptr && std::find(list.begin(), list.end(), group) == list.end()) list.push_back(group);
    }
    std::sort(list.begin(), list.end(), [&](Group* a, Group* b) {
      const bool a_map = a->anchor == Anchor::map, b_map = b->anchor == Anchor::map;
      if (a_map != b_map) return b_map;
      return a_map ? a->number < b->number : a->number > b->number;
    });
    return list;
  }

  // Whether what the op needs from elsewhere can be made before the group runs.
  bool others_come_before(const Op& op, const Group& group) const {
    // With each, whether it lies behind what has memory of its own, such as a loop, and waits for the group
    // to have run.
    std::unordered_set<const Op*> seen[2];
    std::vector<std::pair<const Op*, bool>> pending = {{&op, false}};
    while (!pending.empty()) {
      const auto [next, behind] = pending.back();
      pending.pop_back();
      for (Value operand : next->operands) {
        Group* source = groups_.of(*operand.op);
        if (source == &group && !behind) continue;
        if (source != nullptr) {
          if (source == &group || groups_.depends(*source, group)) return false;
          continue;
        }
        const bool apart = behind || !is_virtual(*operand.op);
        if (seen[apart].insert(operand.op).second) pending.emplace_back(operand.op, apart);
      }
    }
    return true;
  }

  // The one place at which all of the op's operands from the group stand.
  std::optional<Place> common_place(const Op& op, const Group& group) const {
    std::optional<Place> place;
    for (Value operand : op.operands) {
      if (!reaches(operand, group)) continue;
      const auto here = place_in(group, operand);
      if (!here || (place && *place != *here)) return std::nullopt;
      place = here;
    }
    return place;
  }

  // Whether the value is computed from the group's values, through views and sources alone.
  bool reaches(Value value, const Group& group) const {
    if (groups_.of(*value.op) == &group) return true;
    if (!is_virtual(*value.op)) return false;
    return std::any_of(value.op->operands.begin(), value.op->operands.end(),
                       [&](Value operand) { return reaches(operand, group); });
  }

  Refusal join_as_pointwise(Op& op, Group& group) {
    if (!graph::info(group.anchor).fuses)
      return fmt::format("the schedule of {} takes no other work", graph::name(group.anchor));
    const auto place = common_place(op, group);
    if (!place || place->column) return "its operands are not all at one place of that kernel's iteration";
    if (group.anchor == Anchor::reduce && !fits_reduce(op, group, *place))
      return "it has neither the shape of that kernel's rows nor of their elements";
    if (chains_sums(op, group)) return "one whole sum would wait for another";
    if (!others_come_before(op, group)) return "it also reads what is computed from that kernel";
    if (!limits_.allow(group, {&op})) return kBeyondLimits;
    groups_.join(group, op, *place);
    unite_with_others(op, group);
    return std::nullopt;
  }

  // Groups over the same elements that the op brings together become one.
  void unite_with_others(const Op& op, Group& group) {
    if (!is_rowwise(group)) return;
    for (Group* other : producers(op)) {
      if (other == &group || !is_rowwise(*other) || !have_same_elements(*other, group)) continue;
      const auto place = common_place(op, *other);
      if (!place || place->column || !place->moved.empty() || has_columns(*other) || has_columns(group))
        continue;
      if (graph::element_count(group.domain) == 0) continue;
      if (is_too_short(*other, group) || chains_whole_sums(*other, group)) continue;
      if (group.weight + other->weight > kMostWeight) continue;
      if (groups_.stand_between(*other, group) || !limits_.allow(group, other->ops)) continue;
      if (!reads_in_place(group, *other) || !reads_in_place(*other, group)) continue;
      groups_.unite(group, *other);
    }
  }

  // Whether what a group reads of another stands where it reads it, once both iterate together.
  bool reads_in_place(const Group& reader, const Group& read) const {
    for (Op* op : reader.ops) {
      const Place here = op->kind() == OpKind::reduction ? Place{} : reader.places.at(op->result());
      for (Value operand : op->operands) {
        if (!reaches(operand, read)) continue;
        const auto place = place_in(read, operand);
        if (!place || *place != here) return false;
      }
    }
    return true;
  }

  static bool goes_one_by_one(const Group& group) {
    return std::all_of(group.ops.begin(), group.ops.end(), [&](const Op* op) {
      return is_pointwise(*op) && op->results[0].shape == group.domain;
    });
  }

  static bool have_same_elements(const Group& a, const Group& b) {
    const bool a_map = a.anchor == Anchor::map, b_map = b.anchor == Anchor::map;
    if (!a_map && !b_map) return has_rows_of(a, b.domain, b.axes);
    if (a_map && b_map) return a.domain == b.domain && goes_one_by_one(a) && goes_one_by_one(b);
    const Group &map = a_map ? a : b, &rows = a_map ? b : a;
    return goes_one_by_one(map) &&
           (map.domain == rows.domain || (rows.goes_along_rows() && graph::element_count(map.domain) ==
                                                                        graph::element_count(rows.domain)));
  }

  static bool has_columns(const Group& group) {
    return std::any_of(group.places.begin(), group.places.end(),
                       [](const auto& p) { return p.second.column; });
  }

  static bool is_too_short(const Group& a, const Group& b) {
    const bool few = (a.anchor == Anchor::reduce && a.rows() < kFewRows) ||
                     (b.anchor == Anchor::reduce && b.rows() < kFewRows);
    return few && graph::element_count(a.domain) > kLargeDomain;
  }

  static bool chains_whole_sums(const Group& a, const Group& b) {
    return (a.anchor == Anchor::reduce && a.rows() == 1) || (b.anchor == Anchor::reduce && b.rows() == 1);
  }

  // Whether the op would put one whole reduction after another, which could run side by side.
  bool chains_sums(const Op& op, const Group& group) const {
    if (group.anchor != Anchor::reduce || group.rows() != 1) return false;
    for (Value operand : op.operands) {
      const Group* other = groups_.of(*strip_views(operand).op);
      if (other != nullptr && other != &group) return true;
    }
    return false;
  }

  bool fits_reduce(const Op& op, const Group& group, const Place& place) const {
    if (!place.moved.empty()) return false;
    if (place.row) return op.results[0].elements() == group.rows();
    return op.results[0].shape == group.domain ||
           (group.goes_along_rows() && op.results[0].elements() == graph::element_count(group.domain));
  }

  Refusal join_as_reduction(Op& op, Group& group) {
    const Value x = op.operands[0];
    if (!is_rowwise(group))
      return fmt::format("a reduction takes no part in kernels of the anchor {}", graph::name(group.anchor));
    const auto place = place_in(group, x);
    if (!place || *place != Place{}) return "what it reduces is not at the elements of that kernel's rows";
    const auto& axes = op.attributes.integers("axes");
    if (group.anchor == Anchor::reduce) {
      if (!has_rows_of(group, x.shape(), axes)) return "it reduces other axes than that kernel";
    } else {
      if (group.domain != x.shape() &&
          (!are_last(axes, x.rank()) || graph::element_count(group.domain) != x.type().elements()))
        return "it reduces another shape than that kernel goes through";
      if (!goes_one_by_one(group)) return "that kernel does not go through its elements one by one";
      if (op.results[0].elements() < kFewRows && x.type().elements() > kLargeDomain)
        return "so few rows would leave the elementwise work to few threads";
    }
    if (!limits_.allow(group, {&op})) return kBeyondLimits;
    if (group.anchor == Anchor::map) {
      group.anchor = Anchor::reduce;
      group.domain = x.shape();
      group.axes = axes;
    }
    groups_.join(group, op, {.row = true});
    return std::nullopt;
  }

  // (Of a row that has a workgroup, no lane has all rows of a column.)
  bool join_columns(Op& op) {
    if (!sums_columns_) return false;
    for (const auto& group : groups_.all()) {
      if (!takes_columns(*group, op) || !others_come_before(op, *group) || !limits_.allow(*group, {&op}))
        continue;
      groups_.join(*group, op, {.column = true});
      return true;
    }
    return false;
  }

  static constexpr const char* kBeyondLimits =
      "that kernel has as many tensors, or as long loops, as one may";

  Groups& groups_;
  Limits limits_;
  bool sums_columns_;  // beside reductions of the same rows
};

}  // namespace

void producer_side(Groups& groups, const loop::Target& target) {
  ProducerSide(groups, target).run();
}

void keep_apart(Groups& groups) {
  for (const auto& op : groups.function().ops()) {
    if (is_virtual(*op) || stays_outside(*op)) continue;
    Group& group = groups.start(*op);
    if (op->kind() == OpKind::reduction) make_reduce(group, *op);
  }
}

}  // namespace sinter::passes
