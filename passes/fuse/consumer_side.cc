#include "passes/fuse/consumer_side.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "passes/base/costs.h"
#include "passes/fuse/limits.h"
#include "passes/fuse/reads.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

class ConsumerSide {
 public:
  ConsumerSide(Groups& groups, const loop::Target& target)
      : groups_(groups), reads_(groups), limits_(groups, target) {}

  void run() {
    // Last first, so that a chain of kernels folds into its end.
    for (size_t i = groups_.all().size(); i-- > 0;) {
      Group& group = *groups_.all()[i];
      if (!can_go(group)) continue;
      for (Group* reader : readers_of(group)) reader->weight += added_weight(group, *reader);
      groups_.remove(group);
      for (size_t k = group.ops.size(); k-- > 0;) pass_on(*group.ops[k]);
    }
    for (size_t i = groups_.all().size(); i-- > 0;) {
      Group& group = *groups_.all()[i];
      if (!group.removed && !is_attention(group)) recompute(group);
    }
  }

 private:
  // What a value is computed from.
  struct Cone {
    Value kept;  // counts as lying in memory
    std::vector<const Op*> ops;
    std::vector<Value> leaves;  // what lies in memory
    size_t expensive = 0;
  };

  void pass_on(Op& op) {
    for (size_t i = 0; i < op.results.size(); ++i) reads_.pass_on(op.result(static_cast<int>(i)));
  }

  std::unordered_set<Group*> readers_of(const Group& group) const {
    std::unordered_set<Group*> readers;
    for (Op* op : group.ops) {
      for (size_t i = 0; i < op->results.size(); ++i) {
        const Reads::Readers& of = reads_.of(op->result(static_cast<int>(i)));
        readers.insert(of.groups.begin(), of.groups.end());
      }
    }
    return readers;
  }

  // Of the group, computed again by a reader for each element that this asks for.
  int64_t added_weight(const Group& group, const Group& reader) const {
    return group.weight * reads_.demand(group, reader).elements;
  }

  bool can_go(const Group& group) {
    if (group.anchor != graph::Anchor::map) return false;
    bool expensive = group.ops.size() > kMostOps;
    for (Op* op : group.ops) {
      if (op->kind() == OpKind::check) return false;
      expensive |= is_expensive(*op);
      for (size_t i = 0; i < op->results.size(); ++i) {
        const Reads::Readers& of = reads_.of(op->result(static_cast<int>(i)));
        if (of.outside || std::any_of(of.groups.begin(), of.groups.end(),
                                      [](const Group* reader) { return is_attention(*reader); })) {
          return false;
        }
      }
    }
    const std::unordered_set<Group*> readers = readers_of(group);
    if (readers.empty() || std::any_of(readers.begin(), readers.end(), [&](const Group* reader) {
          const bool repeats = reads_.demand(group, *reader).places > 1;
          const int64_t weight = added_weight(group, *reader);
          return reader->weight + weight > kMostWeight || (repeats && weight > kMostRepeated);
        })) {
      return false;
    }
    const std::unordered_set<const Op*> again(group.ops.begin(), group.ops.end());
    if (!std::ranges::all_of(readers, [&](const Group* reader) {
          return limits_.allow(groups_, reads_, *reader, again, {});
        })) {
      return false;
    }
    const bool tiny = group.ops.size() == 1 && graph::element_count(group.domain) <= 1;
    // Computed once for each element of a map; a contraction or a row asks for elements more than once.
    const bool once = readers.size() == 1 && asks_once(**readers.begin(), group);
    if (once) return true;
    if (expensive && !tiny) return false;
    return readers.size() <= kMostReaders;
  }

  bool asks_once(const Group& reader, const Group& group) const {
    if (reader.anchor == graph::Anchor::map) return !is_spread(group.domain, reader);
    if (reader.anchor != graph::Anchor::concat || reads_.demand(group, reader).places != 1) return false;
    return std::ranges::any_of(reader.ops[0]->operands, [&](Value part) {
      return groups_.of(*strip_views(part).op) == &group &&
             part.type().elements() == graph::element_count(group.domain);
    });
  }

  // Whether a reader asks for each element several times: by a broadcast, a gather or a window.
  static bool is_spread(const graph::Shape& shape, const Group& reader) {
    return graph::element_count(reader.domain) > graph::element_count(shape);
  }

  // Values that are not kept: from each of them that follows, by little work, from what its readers read
  // anyway; or from one value that is kept instead of several.
  void recompute(const Group& group) {
    for (size_t k = group.ops.size(); k-- > 0;) try_without(group, *group.ops[k]);
    size_t most = 1;
    Value best;
    for (Op* op : group.ops) {
      if (op->results.size() != 1 || op->kind() == OpKind::check || reads_.is_needed(op->result())) continue;
      const auto count =
          static_cast<size_t>(std::count_if(group.ops.begin(), group.ops.end(), [&](Op* other) {
            return can_follow(group, *other, op->result());
          }));
      if (count <= most) continue;
      most = count;
      best = op->result();
    }
    if (!best.op) return;
    for (size_t k = group.ops.size(); k-- > 0;) try_without(group, *group.ops[k], best);
  }

  void try_without(const Group& group, Op& op, Value kept = {}) {
    const auto cone = can_follow(group, op, kept);
    if (!cone || !keeps_to_limits(group, op, *cone)) return;
    for (const Op* inner : cone->ops) groups_.recompute(*inner);
    reads_.pass_on(op.result());
  }

  // The group keeps the leaves of the cone that it makes.
  bool keeps_to_limits(const Group& group, Op& op, const Cone& cone) {
    const std::unordered_set<const Op*> again(cone.ops.begin(), cone.ops.end());
    return limits_.allow(groups_, reads_, group, again, cone.leaves) &&
           std::ranges::all_of(reads_.of(op.result()).groups, [&](const Group* reader) {
             return limits_.allow(groups_, reads_, *reader, again, {});
           });
  }

  // What the op's value follows from, where every reader may compute it again.
  std::optional<Cone> can_follow(const Group& group, Op& op, Value kept) const {
    if (op.kind() != OpKind::elementwise || groups_.is_recomputed(op)) return std::nullopt;
    const Value value = op.result();
    const Reads::Readers& readers = reads_.of(value);
    if (readers.outside || readers.groups.empty() || readers.groups.size() > kMostReaders)
      return std::nullopt;
    Cone cone{.kept = kept};
    if (!follow(group, op, value, cone)) return std::nullopt;
    for (const Group* reader : readers.groups) {
      if (is_attention(*reader) || (cone.expensive > 0 && !reads_once(value, *reader))) return std::nullopt;
      for (Value leaf : cone.leaves) {
        if (leaf != kept && !is_small(leaf, value) && !reads_.has(leaf, *reader)) return std::nullopt;
      }
    }
    return cone;
  }

  // What `op` computes `result` from, down to values in memory; false where that is not elementwise, or where
  // it is more than anyone computes again.
  bool follow(const Group& group, const Op& op, Value result, Cone& cone) const {
    std::unordered_set<const Op*> seen = {&op};
    std::vector<const Op*> pending = {&op};
    while (!pending.empty()) {
      const Op& next = *pending.back();
      pending.pop_back();
      if (!is_virtual(next)) {
        if (next.kind() != OpKind::elementwise) return false;
        cone.ops.push_back(&next);
        if (is_expensive(next)) ++cone.expensive;
        if (cone.ops.size() > kMostOps || cone.expensive > kMostExpensive) return false;
      }
      for (Value operand : next.operands) {
        const bool again = is_virtual(*operand.op) || groups_.is_recomputed(*operand.op);
        if (!again && (groups_.of(*operand.op) != &group || operand == cone.kept ||
                       reads_.is_needed(operand) || is_small(operand, result))) {
          cone.leaves.push_back(operand);
        } else if (seen.insert(operand.op).second) {
          pending.push_back(operand.op);
        }
      }
    }
    return true;
  }

  static bool is_small(Value leaf, Value value) {
    return leaf.type().bytes() * kSmallShare <= value.type().bytes();
  }

  // Whether the reader asks for each element of the value once, and not to multiply it.
  bool reads_once(Value value, const Group& reader) const {
    switch (reader.anchor) {
      case graph::Anchor::map:
      case graph::Anchor::reduce:
        return !is_spread(value.shape(), reader);
      case graph::Anchor::contract:
        return value.type().elements() == graph::element_count(reader.domain) &&
               std::none_of(reader.ops.begin(), reader.ops.end(),
                            [&](const Op* op) { return op->code == OpCode::contract && needs(*op, value); });
      default:
        return false;
    }
  }

  bool needs(const Op& op, Value value) const {
    std::unordered_set<const Op*> seen;
    std::vector<const Op*> pending = {&op};
    while (!pending.empty()) {
      const Op& next = *pending.back();
      pending.pop_back();
      for (Value operand : next.operands) {
        if (operand == value) return true;
        const bool again = is_virtual(*operand.op) || groups_.is_recomputed(*operand.op);
        if (again && seen.insert(operand.op).second) pending.push_back(operand.op);
      }
    }
    return false;
  }

  Groups& groups_;
  Reads reads_;
  Limits limits_;
};

}  // namespace

void consumer_side(Groups& groups, const loop::Target& target) {
  ConsumerSide(groups, target).run();
}

}  // namespace sinter::passes
