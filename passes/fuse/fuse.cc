#include "passes/fuse/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ir/error.h"
#include "passes/fuse/consumer_side.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/kernels.h"
#include "passes/fuse/legalize.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

// A kernel that raise or differentiate made.
bool is_raised(const Op& op) {
  return op.code == OpCode::kernel && op.attributes.text("anchor").starts_with("attention");
}

bool stays_outside(const Op& op) {
  if (op.code == OpCode::kernel) return !is_raised(op);
  return op.code == OpCode::parameter || op.code == OpCode::read || op.code == OpCode::write ||
         op.code == OpCode::scan || is_table(op);
}

Group::Anchor anchor_of(const Op& op) {
  switch (op.code) {
    case OpCode::kernel:
      return op.attributes.text("anchor") == "attention" ? Group::Anchor::attention
                                                         : Group::Anchor::attention_backward;
    case OpCode::reduce_sum:
    case OpCode::reduce_max:
    case OpCode::reduce_min:
      return Group::Anchor::reduce;
    case OpCode::contract:
      return Group::Anchor::contract;
    case OpCode::scatter_add:
      return Group::Anchor::scatter;
    case OpCode::cumsum:
      return Group::Anchor::cumsum;
    case OpCode::top_k:
      return Group::Anchor::top_k;
    default:
      return Group::Anchor::map;
  }
}

bool takes_epilogue(const Group& group) {
  return group.anchor != Group::Anchor::cumsum && group.anchor != Group::Anchor::top_k &&
         !is_attention(group);
}

// A reduction to few rows has little parallel work of its own: what is large beside it stays apart.
constexpr int64_t kFewRows = 8;
constexpr int64_t kLargeDomain = 1 << 16;

class ProducerSide {
 public:
  explicit ProducerSide(Groups& groups) : groups_(groups) {}

  void place(Op& op) {
    if (is_pointwise(op) && join_as_pointwise(op)) return;
    if (op.kind() == OpKind::reduction && join_as_reduction(op)) return;
    start(op);
  }

  void start(Op& op) {
    Group& group = groups_.start(anchor_of(op), op);
    if (op.kind() == OpKind::reduction) make_reduce(group, op);
  }

 private:
  // The groups that make the op's operands: those that do more than elementwise work first, the latest
  // of them before the others; then elementwise ones, the first before those that only read parameters.
  std::vector<Group*> producers(const Op& op) const {
    std::vector<Group*> list;
    for (Value operand : op.operands) {
      Group* group = groups_.of(*strip_views(operand).op);
      if (group != nullptr && std::find(list.begin(), list.end(), group) == list.end()) list.push_back(group);
    }
    const auto position = [&](Group* group) {
      const auto& all = groups_.all();
      return std::find_if(all.begin(), all.end(), [&](const auto& g) { return g.get() == group; }) -
             all.begin();
    };
    std::sort(list.begin(), list.end(), [&](Group* a, Group* b) {
      const bool a_map = a->anchor == Group::Anchor::map, b_map = b->anchor == Group::Anchor::map;
      if (a_map != b_map) return b_map;
      return a_map ? position(a) < position(b) : position(a) > position(b);
    });
    return list;
  }

  // Whether what the op needs from elsewhere can be made before the group runs.
  bool others_come_before(const Op& op, const Group& group) const {
    std::vector<const Op*> pending = {&op};
    while (!pending.empty()) {
      const Op* next = pending.back();
      pending.pop_back();
      for (Value operand : next->operands) {
        Group* source = groups_.of(*operand.op);
        if (source == &group) continue;
        if (source != nullptr) {
          if (groups_.depends(*source, group)) return false;
        } else {
          pending.push_back(operand.op);
        }
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

  bool join_as_pointwise(Op& op) {
    for (Group* group : producers(op)) {
      if (!takes_epilogue(*group)) continue;
      const auto place = common_place(op, *group);
      if (!place) continue;
      if (group->anchor == Group::Anchor::reduce && !fits_reduce(op, *group, *place)) continue;
      if (chains_sums(op, *group)) continue;
      if (!others_come_before(op, *group)) continue;
      groups_.join(*group, op, *place);
      return true;
    }
    return false;
  }

  // Whether the op would put one whole reduction after another, which could run side by side.
  bool chains_sums(const Op& op, const Group& group) const {
    if (group.anchor != Group::Anchor::reduce || group.rows() != 1) return false;
    for (Value operand : op.operands) {
      const Group* other = groups_.of(*strip_views(operand).op);
      if (other != nullptr && other != &group) return true;
    }
    return false;
  }

  bool fits_reduce(const Op& op, const Group& group, const Place& place) const {
    if (!place.moved.empty()) return false;
    return place.row ? op.results[0].elements() == group.rows() : op.results[0].shape == group.domain;
  }

  bool join_as_reduction(Op& op) {
    const Value x = op.operands[0];
    Group* group = groups_.of(*strip_views(x).op);
    if (group == nullptr) return false;
    const auto place = place_in(*group, x);
    if (!place || place->row || !place->moved.empty()) return false;
    const auto& axes = op.attributes.integers("axes");
    if (group->anchor == Group::Anchor::reduce) {
      if (group->domain != x.shape() || group->axes != axes) return false;
    } else if (group->anchor == Group::Anchor::map) {
      if (group->domain != x.shape()) return false;
      for (const Op* member : group->ops) {
        if (!is_pointwise(*member) || member->results[0].shape != x.shape()) return false;
      }
      if (op.results[0].elements() < kFewRows && x.type().elements() > kLargeDomain) return false;
    } else {
      return false;
    }
    group->anchor = Group::Anchor::reduce;
    group->axes = axes;
    groups_.join(*group, op, {.row = true, .moved = ""});
    return true;
  }

  static void make_reduce(Group& group, const Op& op) {
    group.domain = op.operands[0].shape();
    group.axes = op.attributes.integers("axes");
    for (auto& [value, place] : group.places) place.row = true;
  }

  Groups& groups_;
};

void fuse_function(graph::Module& module, Function& function, bool join) {
  legalize(module, function);
  guard(function);
  Groups groups(function);
  ProducerSide producer_side(groups);
  for (const auto& op : function.ops()) {
    if (is_virtual(*op) || stays_outside(*op)) continue;
    if (join) {
      producer_side.place(*op);
    } else {
      producer_side.start(*op);
    }
  }
  if (join) consumer_side(groups);
  build_kernels(groups);
}

}  // namespace

void fuse(graph::Module& module, const std::vector<std::string>& arguments) {
  const bool join = std::find(arguments.begin(), arguments.end(), "off") == arguments.end();
  for (const auto& function : module.functions) fuse_function(module, *function, join);
}

}  // namespace sinter::passes
