#include "passes/fuse/reads.h"

#include <algorithm>
#include <set>

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

constexpr size_t kMostPlacesOfValue = 256;

}  // namespace

Reads::Reads(const Groups& groups) : groups_(groups) {
  graph::Function& function = groups.function();
  for (const auto& op : function.ops()) {
    Group* owner = groups.of(*op);
    if (is_virtual(*op) || (owner != nullptr && owner->removed)) continue;
    Wanted wanted;
    push_operands(*op, {0, 1}, wanted);
    add(owner, std::move(wanted));
  }
  for (const graph::Output& output : function.outputs) add(nullptr, {{output.value, {0, 1}}});
}

const Reads::Readers& Reads::of(Value value) const {
  static const Readers nobody;
  const auto it = readers_.find(value);
  return it == readers_.end() ? nobody : it->second;
}

bool Reads::has(Value value, const Group& reader) const {
  const auto it = places_.find(value);
  return it != places_.end() && it->second.contains(&reader);
}

Reads::Demand Reads::demand(const Group& group, const Group& reader) const {
  std::unordered_map<size_t, int64_t> all;
  for (Op* op : group.ops) {
    for (size_t i = 0; i < op->results.size(); ++i) {
      const auto value = places_.find(op->result(static_cast<int>(i)));
      if (value == places_.end()) continue;
      const auto places = value->second.find(&reader);
      if (places == value->second.end()) continue;
      for (const Place& place : places->second) all[place.path] = std::max(all[place.path], place.elements);
    }
  }
  Demand demand;
  demand.places = static_cast<int64_t>(all.size());
  for (const auto& [path, elements] : all) demand.elements += elements;
  return demand;
}

void Reads::pass_on(Value value) {
  const auto it = readers_.find(value);
  if (it == readers_.end()) return;
  const Readers readers = std::move(it->second);
  readers_.erase(it);
  const auto places = places_.extract(value);
  for (Group* group : readers.groups) {
    Wanted wanted;
    for (const Place& place : places.mapped().at(group)) push_operands(*value.op, place, wanted);
    add(group, std::move(wanted));
  }
  if (!readers.outside) return;
  Wanted wanted;
  push_operands(*value.op, {0, 1}, wanted);
  add(nullptr, std::move(wanted));
}

// What `op`, asked for an element at `place`, asks for.
void Reads::push_operands(const Op& op, Place place, Wanted& wanted) {
  const bool moves = (op.kind() == OpKind::view && op.code != OpCode::reshape) || op.kind() == OpKind::data ||
                     op.kind() == OpKind::contraction;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    Place there = place;
    if (moves) there.path = (place.path * 31 + std::hash<const Op*>()(&op)) * 31 + i + 1;
    if (op.code == OpCode::fold) there.elements *= op.operands[0].shape().back();
    wanted.push_back({op.operands[i], there});
  }
}

void Reads::add(Group* reader, Wanted wanted) {
  std::set<std::pair<const Op*, size_t>> passed;
  while (!wanted.empty()) {
    const auto [value, place] = wanted.back();
    wanted.pop_back();
    const Group* owner = groups_.of(*value.op);
    if (owner != nullptr && owner == reader) continue;
    if (is_virtual(*value.op) || groups_.is_recomputed(*value.op)) {
      if (passed.emplace(value.op, place.path).second) push_operands(*value.op, place, wanted);
      continue;
    }
    Readers& readers = readers_[value];
    if (reader == nullptr) {
      readers.outside = true;
      continue;
    }
    const auto [places, added] = places_[value].try_emplace(reader);
    if (added) readers.groups.push_back(reader);
    Places& known = places->second;
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const Place& p) { return p.path == place.path; });
    if (same == known.end() && known.size() < kMostPlacesOfValue) known.push_back(place);
  }
}

}  // namespace sinter::passes
