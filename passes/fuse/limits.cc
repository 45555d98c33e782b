#include "passes/fuse/limits.h"

#include <algorithm>

#include "passes/base/costs.h"
#include "passes/fuse/shorten_loops.h"
#include "passes/schedule/reduce/reduce.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

const Leaves::Below& Leaves::of(const Op& op) {
  std::vector<const Op*> pending = {&op};
  while (!pending.empty()) {
    const Op* next = pending.back();
    const auto is_unknown = [&](Value operand) {
      return is_virtual(*operand.op) && !known_.contains(operand.op);
    };
    if (!known_.contains(next) && std::ranges::any_of(next->operands, is_unknown)) {
      for (Value operand : next->operands) {
        if (is_unknown(operand)) pending.push_back(operand.op);
      }
      continue;
    }
    pending.pop_back();
    if (known_.contains(next)) continue;
    Bindings below;
    below.call = is_random(next->code);
    for (Value operand : next->operands) add_to(below, operand);
    known_[next] = {{below.read.begin(), below.read.end()}, below.call};
  }
  return known_.at(&op);
}

void Leaves::add_to(Bindings& bindings, Value value) {
  if (!is_virtual(*value.op)) {
    bindings.read.insert(value);
    return;
  }
  const Below& below = of(*value.op);
  bindings.read.insert(below.values.begin(), below.values.end());
  bindings.call = bindings.call || below.call;
}

Limits::Limits(const Groups& groups, const loop::Target& target) : target_(target) {
  const graph::Function& function = groups.function();
  int64_t values = 0;
  for (const auto& op : function.ops()) values += static_cast<int64_t>(op->results.size());
  binds_all_ = target.max_buffers > 2 * values + 2;
  if (binds_all_ && !target.has_iteration_limit()) return;
  const auto add = [&](Value value, const Op* reader) {
    Bindings bindings;
    leaves_.add_to(bindings, value);
    for (Value leaf : bindings.read) readers_[leaf].push_back(reader);
  };
  for (const auto& op : function.ops()) {
    position_[op.get()] = position_.size();
    if (is_virtual(*op)) continue;
    for (Value operand : op->operands) add(operand, op.get());
  }
  for (const graph::Output& output : function.outputs) add(output.value, nullptr);
}

bool Limits::is_read_outside(Value value, const std::unordered_set<const Op*>& ops) const {
  const auto it = readers_.find(value);
  return it != readers_.end() &&
         std::ranges::any_of(it->second, [&](const Op* op) { return !ops.contains(op); });
}

bool Limits::allow(const Group& group, const std::vector<Op*>& more) {
  const bool loops = target_.has_iteration_limit();
  if (binds_all_ && !loops) return true;
  std::vector<Op*> ops = group.ops;
  ops.insert(ops.end(), more.begin(), more.end());
  std::ranges::sort(ops, {}, [&](const Op* op) { return position_.at(op); });
  return (binds_all_ || allow_bindings(ops)) && (!loops || allow_loops(ops));
}

bool Limits::allow_bindings(const std::vector<Op*>& ops) {
  const std::unordered_set<const Op*> inside(ops.begin(), ops.end());
  Bindings bindings;
  for (const Op* op : ops) {
    for (Value operand : op->operands) leaves_.add_to(bindings, operand);
    if (op->kind() == OpKind::check) {
      bindings.call = bindings.faults = true;
      continue;
    }
    for (size_t i = 0; i < op->results.size(); ++i) {
      const Value result{const_cast<Op*>(op), static_cast<int>(i)};
      if (!is_read_outside(result, inside)) continue;
      ++bindings.written;
      const auto& readers = readers_.at(result);
      bindings.faults = bindings.faults || std::ranges::any_of(readers, [](const Op* reader) {
                          return reader != nullptr && reader->code == OpCode::write;
                        });
    }
  }
  std::erase_if(bindings.read, [&](Value value) { return inside.contains(value.op); });
  return bindings.count() <= target_.max_buffers;
}

// A pass over the row for each reduction that waits for another one, and one for what is stored of each
// element.
bool Limits::allow_loops(const std::vector<Op*>& ops) {
  const auto is_reduction = [](const Op* op) { return op->kind() == OpKind::reduction; };
  const auto first = std::ranges::find_if(ops, is_reduction);
  if (first == ops.end()) return true;
  const graph::Shape& domain = (*first)->operands[0].shape();
  const int64_t elements = graph::element_count(domain), rows = (*first)->results[0].elements();
  if (elements == 0) return true;
  const bool has_checks = std::ranges::any_of(ops, [](const Op* op) { return op->kind() == OpKind::check; });
  const bool along = are_last((*first)->attributes.integers("axes"), static_cast<int64_t>(domain.size()));
  const int64_t passes = (target_.max_iterations - kOtherIterations) /
                         iterations_of_pass(rows, elements / rows, along, has_checks, target_);
  if (std::ranges::count_if(ops, is_reduction) < passes) return true;
  graph::ValueMap<int64_t> levels;
  int64_t most = 0;
  for (const Op* op : ops) {
    int64_t level = 0;
    for (Value operand : op->operands) {
      Bindings below;
      leaves_.add_to(below, operand);
      for (Value leaf : below.read) {
        if (const auto it = levels.find(leaf); it != levels.end()) level = std::max(level, it->second);
      }
    }
    if (is_reduction(op)) ++level;
    most = std::max(most, level);
    for (size_t i = 0; i < op->results.size(); ++i)
      levels[{const_cast<Op*>(op), static_cast<int>(i)}] = level;
  }
  const std::unordered_set<const Op*> inside(ops.begin(), ops.end());
  const bool stores = std::ranges::any_of(ops, [&](const Op* op) {
    return op->kind() == OpKind::check || (op->results.size() == 1 && op->results[0].elements() == elements &&
                                           is_read_outside({const_cast<Op*>(op), 0}, inside));
  });
  return most + (stores ? 1 : 0) <= passes;
}

bool Limits::allow(const Groups& groups, const Reads& reads, const Group& group,
                   const std::unordered_set<const Op*>& again, const std::vector<Value>& kept) {
  if (binds_all_) return true;
  Bindings bindings;
  std::vector<const Op*> pending;
  for (const Op* op : group.ops) {
    bool is_root = op->kind() == OpKind::check;
    bindings.call = bindings.call || is_root;
    bindings.faults = bindings.faults || is_root;
    for (size_t i = 0; i < op->results.size(); ++i) {
      const Value value{const_cast<Op*>(op), static_cast<int>(i)};
      const bool is_written = (reads.is_needed(value) && !again.contains(op)) ||
                              std::ranges::find(kept, value) != kept.end() || writes_all_results(op->code);
      if (!is_written) continue;
      is_root = true;
      ++bindings.written;
      const auto readers = readers_.find(value);
      bindings.faults = bindings.faults || (readers != readers_.end() &&
                                            std::ranges::any_of(readers->second, [](const Op* reader) {
                                              return reader != nullptr && reader->code == OpCode::write;
                                            }));
    }
    if (is_root) pending.push_back(op);
  }
  std::unordered_set<const Op*> seen(pending.begin(), pending.end());
  while (!pending.empty()) {
    const Op* op = pending.back();
    pending.pop_back();
    bindings.call = bindings.call || is_random(op->code);
    for (Value operand : op->operands) {
      const bool here = is_virtual(*operand.op) || groups.is_recomputed(*operand.op) ||
                        again.contains(operand.op) || groups.of(*operand.op) == &group;
      if (!here) {
        bindings.read.insert(operand);
      } else if (seen.insert(operand.op).second) {
        pending.push_back(operand.op);
      }
    }
  }
  return bindings.count() <= target_.max_buffers;
}

}  // namespace sinter::passes
