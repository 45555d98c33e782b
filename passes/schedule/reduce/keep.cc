#include "passes/schedule/reduce/keep.h"

#include <algorithm>

#include "ir/integers.h"
#include "passes/base/costs.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

constexpr int kWorthKeeping = 5;  // instructions, against a store and a load

// Visits what `roots` are computed from, themselves included, up to reductions and where `stop` says so.
template <typename Stop>
void walk(const std::vector<Value>& roots, const Stop& stop) {
  std::vector<Value> pending = roots;
  graph::ValueMap<bool> seen;
  while (!pending.empty()) {
    const Value value = pending.back();
    pending.pop_back();
    if (value.op->kind() == OpKind::reduction || seen[value]) continue;
    seen[value] = true;
    if (stop(value)) continue;
    for (Value operand : value.op->operands) pending.push_back(operand);
  }
}

}  // namespace

Keeping::Keeping(const ReduceSchedule& schedule, int64_t lanes)
    : ReduceSchedule(schedule),
      padded_(round_up(length(), lanes)),
      tile_(full_tile(any_row(), loop::integer(0))) {}

Index Keeping::any_row() const {
  const loop::Expr row = loop::variable(t_.loader.variable("row", rows()));
  return delinearize(row, outer_shape_, t_.loader.ranges());
}

std::vector<std::vector<Value>> Keeping::roots() const {
  std::vector<std::vector<Value>> passes;
  for (const auto& level : levels_) {
    passes.emplace_back();
    for (const Op* reduction : level) passes.back().push_back(reduction->operands[0]);
  }
  passes.emplace_back();
  for (const TileStore& store : stores(true)) passes.back().push_back(store.value);
  for (const Op* sum : columns_) passes.back().push_back(summed(*sum));
  return passes;
}

std::vector<int64_t> Keeping::best(int64_t most) const {
  std::vector<int64_t> places;
  graph::ValueMap<int> costs;  // of computing it from what is at hand
  const auto& ops = t_.body.ops();
  for (size_t place = 0; place < ops.size(); ++place) {
    const Op& op = *ops[place];
    if (op.results.size() != 1 || op.kind() == OpKind::reduction || op.code == OpCode::parameter) continue;
    const Value value = ops[place]->result();
    if (is_row_value(value)) continue;  // computed once a row
    int here = cost(op);
    for (Value operand : op.operands) here += costs[operand];
    costs[value] = here;
    if (here < kWorthKeeping || !may_keep(op)) continue;
    places.push_back(static_cast<int64_t>(place));
    if (fits(places, most)) {
      costs[value] = 0;
    } else {
      places.pop_back();
    }
  }
  std::vector<int64_t> read;
  for (const Kept& kept : plan(places)) {
    const auto is_it = [&](int64_t place) { return ops[static_cast<size_t>(place)].get() == kept.value.op; };
    read.push_back(*std::ranges::find_if(places, is_it));
  }
  std::ranges::sort(read);
  return read;
}

bool Keeping::may_keep(const std::vector<int64_t>& places, int64_t most) const {
  for (size_t i = 0; i < places.size(); ++i) {
    if (i > 0 && places[i] <= places[i - 1]) return false;
    if (!may_keep(*t_.body.ops()[static_cast<size_t>(places[i])])) return false;
  }
  return plan(places).size() == places.size() && fits(places, most);
}

bool Keeping::may_keep(const Op& op) const {
  if (op.results.size() != 1 || op.kind() == OpKind::reduction || op.code == OpCode::parameter) return false;
  const Value value{const_cast<Op*>(&op), 0};
  return value.type().elements() == elements() && tile_.is_private(value);
}

std::vector<Kept> Keeping::plan(const std::vector<int64_t>& places) const {
  graph::ValueMap<Kept> kept;
  std::vector<Value> order;
  for (const int64_t place : places) {
    const Value value = t_.body.ops()[static_cast<size_t>(place)]->result();
    order.push_back(value);
  }
  const auto passes = roots();
  for (size_t pass = 0; pass < passes.size(); ++pass) {
    walk(passes[pass], [&](Value value) {
      if (std::ranges::find(order, value) == order.end()) return false;
      Kept& it = kept.try_emplace(value, Kept{value, pass, pass, 0}).first->second;
      it.last = pass;
      return it.first < pass;
    });
  }
  std::vector<Kept> result;
  for (const Value value : order) {
    const auto it = kept.find(value);
    if (it != kept.end() && it->second.last > it->second.first) result.push_back(it->second);
  }
  std::ranges::stable_sort(result, {}, &Kept::first);
  std::vector<const Kept*> slots;  // the last value of each
  for (Kept& next : result) {
    const auto is_free = [&](const Kept* holder) {
      return holder->last <= next.first && holder->value.dtype() == next.value.dtype();
    };
    const auto slot = std::ranges::find_if(slots, is_free);
    next.slot = static_cast<size_t>(slot - slots.begin());
    if (slot == slots.end()) {
      slots.push_back(&next);
    } else {
      *slot = &next;
    }
  }
  return result;
}

bool Keeping::fits(const std::vector<int64_t>& places, int64_t most) const {
  std::vector<int64_t> slots;
  for (const Kept& kept : plan(places)) {
    if (kept.slot >= slots.size()) slots.resize(kept.slot + 1);
    slots[kept.slot] = bytes_of(kept.value);
  }
  int64_t sum = 0;
  for (const int64_t bytes : slots) sum += bytes;
  return sum <= most;
}

int64_t Keeping::bytes_of(Value value) const {
  return padded_ * loop::size_in_bytes(loop::from_graph(value.dtype()));
}

}  // namespace sinter::passes
