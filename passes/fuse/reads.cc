#include "passes/fuse/reads.h"

#include <algorithm>

namespace sinter::passes {

using graph::Op;
using graph::Value;

Reads::Reads(const Groups& groups) : groups_(groups) {
  graph::Function& function = groups.function();
  for (const auto& op : function.ops()) {
    Group* owner = groups.of(*op);
    if (is_virtual(*op) || (owner != nullptr && owner->removed)) continue;
    for (Value operand : op->operands) add(operand, owner);
  }
  for (const graph::Output& output : function.outputs) add(output.value, nullptr);
}

const Reads::Readers& Reads::of(Value value) const {
  static const Readers nobody;
  const auto it = readers_.find(value);
  return it == readers_.end() ? nobody : it->second;
}

bool Reads::has(Value value, const Group& reader) const {
  const auto& list = of(value).groups;
  return std::find(list.begin(), list.end(), &reader) != list.end();
}

void Reads::pass_on(Value value) {
  const auto it = readers_.find(value);
  if (it == readers_.end()) return;
  const Readers readers = std::move(it->second);
  readers_.erase(it);
  for (Value operand : value.op->operands) {
    for (Group* group : readers.groups) add(operand, group);
    if (readers.outside) add(operand, nullptr);
  }
}

void Reads::add(Value value, Group* reader) {
  const Group* owner = groups_.of(*value.op);
  if (owner != nullptr && owner == reader) return;
  if (is_virtual(*value.op) || groups_.is_recomputed(*value.op)) {
    for (Value operand : value.op->operands) add(operand, reader);
    return;
  }
  Readers& readers = readers_[value];
  if (reader == nullptr) {
    readers.outside = true;
  } else if (std::find(readers.groups.begin(), readers.groups.end(), reader) == readers.groups.end()) {
    readers.groups.push_back(reader);
  }
}

}  // namespace sinter::passes
