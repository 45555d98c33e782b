#include "passes/shard/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/graph/callees.h"
#include "passes/base/dead_code.h"

namespace sinter::passes {
namespace {

using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

const std::string& state_of(const Op& op) {
  return op.attributes.text("state");
}

Function& sharded(const Module& module, const Sharding& sharding) {
  Function& function = function_of("shard", "of", sharding.of, module);
  if (sharding.ranks < 1 || sharding.rank < 0 || sharding.rank >= sharding.ranks)
    throw GraphError(fmt::format("shard: rank {} is outside [0,{})", sharding.rank, sharding.ranks));
  return function;
}

// Which states are kept together.
class Groups {
 public:
  Groups(const Module& module, const Sharding& sharding)
      : function_(sharded(module, sharding)), effects_(functions_with_effects(module)) {
    find_own(module, sharding);
    // What is seen, by whom else, every rank keeps.
    do {
      for (const std::string& state : seen_) own_.erase(state);
      seen_.clear();
      behind_.clear();
      for (const auto& op : function_.ops()) look_behind(*op);
      for (const graph::Output& output : function_.outputs) see(states_behind(output.value));
    } while (!seen_.empty());
    for (const std::string& state : own_) parents_[state] = state;
    for (const auto& op : function_.ops()) {
      if (op->code == OpCode::write) keep_together(*op);
    }
  }

  // By one state of each: its states.
  std::map<std::string, std::vector<std::string>> all() {
    std::map<std::string, std::vector<std::string>> groups;
    for (const std::string& state : own_) groups[representative(state)].push_back(state);
    return groups;
  }
  // The states of the groups that a value is made with.
  const std::set<std::string>& states_behind(Value value) const { return behind_.at(value.op); }

 private:
  // Those that this function alone reads and writes, itself.
  void find_own(const Module& module, const Sharding& sharding) {
    for (const auto& op : function_.ops()) {
      if (op->code != OpCode::write || sharding.shared.contains(state_of(*op))) continue;
      if (module.find_state(state_of(*op))->type.elements() > 1) own_.insert(state_of(*op));
    }
    for (const auto& other : module.functions) {
      if (other.get() == &function_) continue;
      for (const OpCode code : {OpCode::read, OpCode::write}) {
        for (const std::string& state : graph::states_touched(module, *other, code)) own_.erase(state);
      }
    }
  }

  void look_behind(const Op& op) {
    std::set<std::string>& behind = behind_[&op];
    if (op.code == OpCode::read && own_.contains(state_of(op))) behind.insert(state_of(op));
    for (Value operand : op.operands) {
      const std::set<std::string>& more = behind_.at(operand.op);
      behind.insert(more.begin(), more.end());
    }
    const bool runs = op.code == OpCode::call || op.code == OpCode::scan;
    const bool is_seen = op.kind() == graph::OpKind::check || op.kind() == graph::OpKind::collective ||
                         op.code == OpCode::grad || (runs && effects_.contains(graph::callee(op)));
    if (is_seen) see(behind);
  }

  void see(const std::set<std::string>& states) { seen_.insert(states.begin(), states.end()); }

  void keep_together(const Op& write) {
    std::set<std::string> together = states_behind(write.operands[0]);
    if (own_.contains(state_of(write))) together.insert(state_of(write));
    for (const std::string& state : together) unite(*together.begin(), state);
  }

  const std::string& representative(const std::string& state) {
    std::string& parent = parents_.at(state);
    if (parent != state) parent = representative(parent);
    return parent;
  }

  void unite(const std::string& a, const std::string& b) {
    const std::string first = representative(a), second = representative(b);
    if (first == second) return;
    parents_[std::max(first, second)] = std::min(first, second);
  }

  const Function& function_;
  const Effects effects_;
  std::set<std::string> own_, seen_;
  std::map<std::string, std::string> parents_;
  std::unordered_map<const Op*, std::set<std::string>> behind_;
};

Owners dealt(const Module& module, Groups& groups, int64_t ranks) {
  struct Group {
    int64_t bytes;
    std::vector<std::string> states;
  };
  std::vector<Group> all;
  for (const auto& [first, states] : groups.all()) {
    Group& group = all.emplace_back(0, states);
    for (const std::string& state : states) group.bytes += module.find_state(state)->type.bytes();
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &Group::bytes);
  std::vector<int64_t> kept(static_cast<size_t>(ranks));
  Owners owners;
  for (const Group& group : all) {
    const auto least = std::ranges::min_element(kept);
    *least += group.bytes;
    for (const std::string& state : group.states) owners[state] = least - kept.begin();
  }
  return owners;
}

// What ranks make together last: all the rest comes before.
Value last_meeting(const Function& function) {
  Value last;
  for (const auto& op : function.ops()) {
    if (op->kind() == graph::OpKind::collective) last = op->result(static_cast<int>(op->results.size()) - 1);
  }
  return last;
}

}  // namespace

Owners shard(Module& module, const Sharding& sharding) {
  Function& function = sharded(module, sharding);
  Groups groups(module, sharding);
  Owners owners = dealt(module, groups, sharding.ranks);
  graph::Builder builder(module, function);
  // What all ranks get of one, and the writes of others' own that go.
  std::vector<Op*> gathered;
  std::vector<int64_t> from;
  std::unordered_set<const Op*> gone;
  for (const auto& op : function.ops()) {
    if (op->code != OpCode::write) continue;
    const auto kept = owners.find(state_of(*op));
    if (kept != owners.end()) {
      if (kept->second != sharding.rank) gone.insert(op.get());
      continue;
    }
    const std::set<std::string>& behind = groups.states_behind(op->operands[0]);
    if (behind.empty()) continue;
    const auto owner = owners.find(*behind.begin());
    if (owner == owners.end()) continue;
    gathered.push_back(op.get());
    from.push_back(owner->second);
  }
  if (!gathered.empty()) {
    std::vector<Value> values;
    for (size_t i = 0; i < gathered.size(); ++i) {
      const Value value = gathered[i]->operands[0];
      // Of the others' the type alone matters, and the old value lies in memory.
      values.push_back(from[i] == sharding.rank ? value : builder.read(state_of(*gathered[i])));
    }
    builder.set_location(gathered[0]->location);
    const std::vector<Value> results =
        builder.all_gather(values, from, {sharding.rank, sharding.ranks, last_meeting(function)});
    size_t next = 0;
    for (size_t i = 0; i < gathered.size(); ++i) {
      if (from[i] != sharding.rank) gathered[i]->operands[0] = results[next++];
    }
  }
  std::erase_if(function.ops(), [&](const auto& op) { return gone.contains(op.get()); });
  // Writes come behind what they are given now.
  const std::unordered_set<const Op*> last(gathered.begin(), gathered.end());
  std::ranges::stable_partition(function.ops(), [&](const auto& op) { return !last.contains(op.get()); });
  remove_dead_code(function, functions_with_effects(module));
  return owners;
}

void shard(Module& module, const Arguments& arguments) {
  Sharding sharding;
  for (const std::string& argument : arguments) {
    const auto [key, value] = key_and_value(argument);
    if (key == "of") {
      sharding.of = value;
    } else if (key == "shared") {
      sharding.shared.insert(value);
    } else if (key == "rank" || key == "ranks") {
      (key == "rank" ? sharding.rank : sharding.ranks) = number_in(value);
    } else {
      throw GraphError(fmt::format(
          "shard: the arguments are of=FUNCTION, rank=N, ranks=N and shared=STATE, got '{}'", argument));
    }
  }
  shard(module, sharding);
}

}  // namespace sinter::passes
