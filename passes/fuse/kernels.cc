#include "passes/fuse/kernels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "passes/base/kernel_builder.h"
#include "passes/fuse/reads.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

// Builds one kernel: copies of the group's ops and of all that is computed again in it.
class GroupKernel {
 public:
  GroupKernel(const Groups& groups, const Group* group, graph::Anchor anchor, const graph::Location& location)
      : kernel(anchor, location), groups_(groups), group_(group) {}

  Value import(Value value) {
    if (const Value known = kernel.find(value)) return known;
    const Op& op = *value.op;
    const Group* owner = groups_.of(op);
    const bool here = (owner != nullptr && owner == group_) || groups_.is_recomputed(op) || is_virtual(op);
    if (!here) return kernel.parameter(value);
    for (Value operand : op.operands) import(operand);
    return kernel.clone(op).result(value.index);
  }

  void import_check(const Op& op) {
    for (Value operand : op.operands) import(operand);
    kernel.clone(op);
  }

  KernelBuilder kernel;

 private:
  const Groups& groups_;
  const Group* group_;
};

class Rebuild {
 public:
  explicit Rebuild(Groups& groups) : groups_(groups), function_(groups.function()), reads_(groups) {}

  void run() {
    old_ = std::move(function_.ops());
    function_.ops().clear();
    for (size_t i = 0; i < old_.size(); ++i) place_[old_[i].get()] = i;
    for (auto& op : old_) {
      if (op->code == OpCode::parameter) keep(op);
    }
    for (auto& op : old_) visit(op.get());
    for (graph::Output& output : function_.outputs) output.value = in_memory(output.value, true);
  }

 private:
  void keep(std::unique_ptr<Op>& op) {
    for (size_t i = 0; i < op->results.size(); ++i) {
      const Value value = op->result(static_cast<int>(i));
      memory_[value] = value;
    }
    emitted_.insert(op.get());
    function_.append(std::move(op));
  }

  // A kernel or an op that waits for what it reads.
  struct Waiting {
    Group* group;
    Op* op;
    std::vector<Op*> needs;  // what makes that, in the order it is read
    size_t next = 0;
  };

  // Emits the kernel or the op that `op` belongs to, and before it all that it reads.
  void visit(Op* op) {
    std::vector<Waiting> stack;
    start(op, stack);
    while (!stack.empty()) {
      Waiting& top = stack.back();
      if (top.next < top.needs.size()) {
        start(top.needs[top.next++], stack);
      } else {
        finish(top);
        stack.pop_back();
      }
    }
  }

  void start(Op* op, std::vector<Waiting>& stack) {
    if (op == nullptr || emitted_.contains(op) || is_virtual(*op) || groups_.is_recomputed(*op)) return;
    Group* group = groups_.of(*op);
    const std::vector<Op*> members = group != nullptr ? group->ops : std::vector<Op*>{op};
    emitted_.insert(members.begin(), members.end());
    stack.push_back({group, op, producers(members)});
  }

  // What makes the operands of `ops`, through all that is copied into their kernel.
  std::vector<Op*> producers(const std::vector<Op*>& ops) const {
    std::vector<Op*> result, pending;
    std::unordered_set<const Op*> seen(ops.begin(), ops.end());
    const auto push_operands = [&](const Op& op) {
      for (auto operand = op.operands.rbegin(); operand != op.operands.rend(); ++operand)
        pending.push_back(operand->op);
    };
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) push_operands(**op);
    while (!pending.empty()) {
      Op* op = pending.back();
      pending.pop_back();
      if (!seen.insert(op).second) continue;
      if (is_virtual(*op) || groups_.is_recomputed(*op)) {
        push_operands(*op);
      } else {
        result.push_back(op);
      }
    }
    return result;
  }

  void finish(const Waiting& waiting) {
    if (waiting.group != nullptr) return emit_kernel(*waiting.group);
    Op* op = waiting.op;
    for (Value& operand : op->operands) operand = in_memory(operand, op->code == OpCode::write);
    keep(old_[place_.at(op)]);
  }

  void emit_kernel(const Group& group) {
    GroupKernel of_group(groups_, &group, group.anchor, group.ops.front()->location);
    std::vector<Value> made;
    for (Op* op : group.ops) {
      if (op->kind() == OpKind::check) {
        of_group.import_check(*op);
        continue;
      }
      for (size_t i = 0; i < op->results.size(); ++i) {
        const Value value = op->result(static_cast<int>(i));
        if (!reads_.is_needed(value) && !writes_all_results(op->code)) continue;
        made.push_back(value);
      }
    }
    for (Value value : made) of_group.kernel.output(of_group.import(value));
    Op& op = append(of_group.kernel);
    if (!group.apart.empty()) op.attributes.set("apart", fmt::format("{}", fmt::join(group.apart, "\n")));
    for (size_t i = 0; i < made.size(); ++i) memory_[made[i]] = op.result(static_cast<int>(i));
  }

  // The kernel reads what its operands are in memory.
  Op& append(KernelBuilder& builder) {
    std::unique_ptr<Op> kernel = builder.finish();
    for (Value& operand : kernel->operands) operand = memory_.at(operand);
    return function_.append(std::move(kernel));
  }

  // The value as it lies in memory, copied there where it does not. With `own`, the memory has no other
  // owner: a parameter, or what another output has claimed, is copied.
  Value in_memory(Value value, bool own) {
    Value base = value;
    while (base.op->code == OpCode::reshape && !memory_.contains(base)) base = base.op->operands[0];
    const auto it = memory_.find(base);
    if (it != memory_.end()) {
      const Value place = it->second;
      const bool taken = place.op->code != OpCode::kernel || (own && !claimed_.insert(place).second);
      if (!own || !taken) return reshaped(place, value.type());
    }
    return copied(value);
  }

  Value reshaped(Value place, const graph::TensorType& type) {
    if (place.type() == type) return place;
    auto op = std::make_unique<Op>();
    op->code = OpCode::reshape;
    op->operands = {place};
    op->results = {type};
    op->attributes.set("shape", type.shape);
    op->location = place.op->location;
    return function_.append(std::move(op)).result();
  }

  Value copied(Value value) {
    GroupKernel copy(groups_, nullptr, graph::Anchor::map, value.op->location);
    copy.kernel.output(copy.import(value));
    const Value place = append(copy.kernel).result();
    claimed_.insert(place);
    return place;
  }

  Groups& groups_;
  Function& function_;
  std::vector<std::unique_ptr<Op>> old_;
  std::unordered_map<const Op*, size_t> place_;  // in old_
  std::unordered_set<const Op*> emitted_;
  Reads reads_;
  graph::ValueMap<Value> memory_;  // where each value lies
  std::unordered_set<Value, graph::ValueHash> claimed_;
};

}  // namespace

void build_kernels(Groups& groups) {
  Rebuild(groups).run();
}

}  // namespace sinter::passes
