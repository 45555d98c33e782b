#include "passes/base/reachability.h"

#include <algorithm>

namespace sinter::passes {

size_t Reachability::add() {
  one_.push_back(one_.size());
  needs_.emplace_back();
  return one_.back();
}

void Reachability::add_edge(size_t later, size_t earlier) {
  later = one_[later];
  earlier = one_[earlier];
  if (has(needs_[later], earlier)) return;
  Bits more = needs_[earlier];
  set(more, earlier);
  add(needs_[later], more);
  for (Bits& needs : needs_) {
    if (has(needs, later)) add(needs, more);
  }
}

void Reachability::join(size_t a, size_t b) {
  const size_t stays = one_[a], goes = one_[b];
  if (stays == goes) return;
  add(needs_[stays], needs_[goes]);
  Bits both = needs_[stays];
  set(both, stays);
  for (Bits& needs : needs_) {
    if (has(needs, stays) || has(needs, goes)) add(needs, both);
  }
  needs_[goes].clear();
  std::ranges::replace(one_, goes, stays);
}

bool Reachability::reaches(size_t later, size_t earlier) const {
  return has(needs_[one_[later]], one_[earlier]);
}

bool Reachability::has(const Bits& bits, size_t node) {
  return node / 64 < bits.size() && (bits[node / 64] >> node % 64 & 1) != 0;
}

void Reachability::add(Bits& bits, const Bits& more) {
  if (bits.size() < more.size()) bits.resize(more.size());
  for (size_t i = 0; i < more.size(); ++i) bits[i] |= more[i];
}

void Reachability::set(Bits& bits, size_t node) {
  bits.resize(std::max(bits.size(), node / 64 + 1));
  bits[node / 64] |= uint64_t{1} << node % 64;
}

}  // namespace sinter::passes
