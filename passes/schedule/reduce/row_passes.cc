#include "passes/schedule/reduce/row_passes.h"

#include <algorithm>
#include <limits>

#include "ir/integers.h"
#include "passes/base/costs.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();
constexpr int kWorthKeeping = 5;  // instructions, against a store and a load

// Bytes of a row: shorter ones the machine sees coming, longer ones would drive out what is at work.
constexpr int64_t kLeastAhead = 1 << 10, kMostAhead = 64 << 10;

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

RowPasses::RowPasses(const ReduceSchedule& schedule, int64_t lanes, bool in_registers)
    : ReduceSchedule(schedule),
      padded_(round_up(length(), lanes)),
      in_registers_(in_registers),
      tile_(full_tile(any_row(), loop::integer(0))) {}

Index RowPasses::any_row() const {
  const loop::Expr row = loop::variable(t_.loader.variable("row", rows()));
  return delinearize(row, outer_shape_, t_.loader.ranges());
}

std::vector<std::vector<Value>> RowPasses::roots() const {
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

std::vector<int64_t> RowPasses::best(int64_t most) const {
  std::vector<int64_t> places;
  graph::ValueMap<int> costs;  // of computing it from what is at hand
  const auto& ops = t_.body.ops();
  for (size_t place = 0; place < ops.size(); ++place) {
    const Op& op = *ops[place];
    if (!is_worth_a_look(op)) continue;
    const Value value = ops[place]->result();
    if (is_row_value(value)) continue;  // computed once a row
    int here = op.code == OpCode::parameter ? kWorthKeeping : cost(op);
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
  for (const Kept& kept : plan(places)) read.push_back(kept.place);
  std::ranges::sort(read);
  return read;
}

bool RowPasses::may_keep(const std::vector<int64_t>& places, int64_t most) const {
  for (size_t i = 0; i < places.size(); ++i) {
    if (i > 0 && places[i] <= places[i - 1]) return false;
    if (!may_keep(*t_.body.ops()[static_cast<size_t>(places[i])])) return false;
  }
  return plan(places).size() == places.size() && fits(places, most);
}

bool RowPasses::is_worth_a_look(const Op& op) const {
  return op.results.size() == 1 && op.kind() != OpKind::reduction &&
         (in_registers_ || op.code != OpCode::parameter);
}

bool RowPasses::may_keep(const Op& op) const {
  if (!is_worth_a_look(op)) return false;
  const Value value{const_cast<Op*>(&op), 0};
  return value.type().elements() == elements() && tile_.find(value) != nullptr && tile_.is_private(value);
}

std::vector<Kept> RowPasses::plan(const std::vector<int64_t>& places) const {
  std::vector<Kept> result;
  for (const int64_t place : places)
    result.push_back({place, t_.body.ops()[static_cast<size_t>(place)]->result(), kNever, kNever, 0});
  const auto passes = roots();
  for (size_t pass = 0; pass < passes.size(); ++pass) {
    walk(passes[pass], [&](Value value) {
      const auto it = std::ranges::find(result, value, &Kept::value);
      if (it == result.end()) return false;
      it->first = std::min(it->first, pass);
      it->last = pass;
      return it->first < pass;
    });
  }
  std::erase_if(result, [](const Kept& kept) { return kept.first == kept.last; });
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

bool RowPasses::fits(const std::vector<int64_t>& places, int64_t most) const {
  std::vector<int64_t> slots;
  for (const Kept& kept : plan(places)) {
    if (kept.slot >= slots.size()) slots.resize(kept.slot + 1);
    slots[kept.slot] = bytes_of(kept.value);
  }
  int64_t sum = 0;
  for (const int64_t bytes : slots) sum += bytes;
  return sum <= most;
}

int64_t RowPasses::bytes_of(Value value) const {
  return padded_ * loop::size_in_bytes(loop::from_graph(value.dtype()));
}

std::vector<int64_t> RowPasses::best_ahead(const std::vector<int64_t>& kept,
                                           const loop::Target& target) const {
  const auto tensors = streams();
  int64_t bytes = 0, longest = 0;
  for (const auto& tensor : tensors) {
    bytes += tensor->size * loop::size_in_bytes(tensor->type);
    longest = std::max(longest, length() * loop::size_in_bytes(tensor->type));
  }
  if (target.has_workgroups() || bytes <= target.l2_bytes || longest < kLeastAhead || longest > kMostAhead)
    return {};
  const std::vector<int> work = costs(kept);
  std::vector<int> asks(work.size(), 1);
  std::vector<int64_t> ahead;
  for (size_t i = 0; i < tensors.size(); ++i) {
    size_t best = 0;
    for (size_t pass = 1; pass < work.size(); ++pass) {
      if (work[pass] * asks[best] > work[best] * asks[pass]) best = pass;
    }
    ++asks[best];
    ahead.push_back(static_cast<int64_t>(best));
  }
  return ahead;
}

bool RowPasses::may_ask(const std::vector<int64_t>& ahead) const {
  const auto is_pass = [&](int64_t pass) { return pass <= static_cast<int64_t>(levels_.size()); };
  return ahead.empty() || (ahead.size() == streams().size() && std::ranges::all_of(ahead, is_pass));
}

std::vector<loop::BufferRef> RowPasses::asked(const std::vector<int64_t>& ahead, size_t pass) const {
  std::vector<loop::BufferRef> result;
  const auto tensors = streams();
  for (size_t i = 0; i < ahead.size(); ++i) {
    if (ahead[i] == static_cast<int64_t>(pass)) result.push_back(tensors[i]);
  }
  return result;
}

std::vector<int> RowPasses::costs(const std::vector<int64_t>& kept) const {
  const std::vector<Kept> plan = this->plan(kept);
  std::vector<int> costs;
  for (const auto& pass : roots()) {
    costs.push_back(1);
    walk(pass, [&](Value value) {
      const auto it = std::ranges::find(plan, value, &Kept::value);
      if ((it != plan.end() && it->first + 1 < costs.size()) || is_row_value(value)) return true;
      costs.back() += cost(*value.op);
      return false;
    });
  }
  return costs;
}

// Rows that lie one behind the other.
std::vector<loop::BufferRef> RowPasses::streams() const {
  if (!outer_axes_.empty() && outer_axes_.back() > reduced_axes_.front()) return {};
  std::vector<loop::BufferRef> result;
  for (size_t i = 0; i < t_.inputs.size(); ++i) {
    const Value input = t_.body.parameters()[i]->result();
    if (input.shape() == domain_ && tile_.find(input) != nullptr) result.push_back(t_.inputs[i]);
  }
  for (const TileStore& store : stores(true)) result.push_back(store.buffer);
  return result;
}

}  // namespace sinter::passes
