#include <algorithm>

#include "ir/integers.h"
#include "passes/base/costs.h"
#include "passes/schedule/core/workgroup_tile.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/sum_blocks.h"

// How rows are cut: what the schedules of `reduce` decide where vectors run along the row.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

constexpr int64_t kKeptBytes = 64 << 10;  // of a row's values that are kept between passes
constexpr int kWorthKeeping = 6;          // instructions, against a store and a load
constexpr int64_t kFewRows = 32;          // that leave a machine idle with one invocation each
constexpr int64_t kLongRow = 16 * 64;     // that is worth barriers where shared memory is slow

// The values that may be kept: those that more than one pass needs, at the row's own elements alone.
class Kept : private ReduceSchedule {
 public:
  Kept(const ReduceSchedule& schedule, int64_t lanes)
      : ReduceSchedule(schedule),
        padded_(round_up(length(), lanes)),
        tile_(full_tile(any_row(), loop::integer(0))) {
    for (size_t level = 0; level < levels_.size(); ++level) {
      for (const Op* reduction : levels_[level]) visit(reduction->operands[0], level);
    }
    for (const TileStore& store : stores(true)) visit(store.value, levels_.size());
    for (const Op* sum : columns_) visit(summed(*sum), levels_.size());
  }

  // Those that take longer to compute again than to keep, as long as there is memory.
  std::vector<int64_t> best(int64_t left) const {
    std::vector<int64_t> kept;
    graph::ValueMap<int> costs;  // of computing it from what is at hand
    const auto& ops = t_.body.ops();
    for (size_t place = 0; place < ops.size(); ++place) {
      const Op& op = *ops[place];
      if (op.results.size() != 1 || op.kind() == OpKind::reduction || op.code == OpCode::parameter) continue;
      int here = cost(op);
      for (Value operand : op.operands) here += costs[operand];
      const Value value = ops[place]->result();
      costs[value] = here;
      if (here < kWorthKeeping || !may_keep(op) || bytes_of(op) > left) continue;
      kept.push_back(static_cast<int64_t>(place));
      costs[value] = 0;
      left -= bytes_of(op);
    }
    return kept;
  }

  bool may_keep(const std::vector<int64_t>& places, int64_t left) const {
    for (size_t i = 0; i < places.size(); ++i) {
      const Op& op = *t_.body.ops()[static_cast<size_t>(places[i])];
      if ((i > 0 && places[i] <= places[i - 1]) || !may_keep(op)) return false;
      left -= bytes_of(op);
    }
    return left >= 0;
  }

 private:
  Index any_row() const {
    const loop::Expr row = loop::variable(t_.loader.variable("row", rows()));
    return delinearize(row, outer_shape_, t_.loader.ranges());
  }

  void visit(Value root, size_t pass) {
    std::vector<Value> pending = {root};
    graph::ValueMap<bool> seen;
    while (!pending.empty()) {
      const Value value = pending.back();
      pending.pop_back();
      if (value.op->kind() == OpKind::reduction || seen[value]) continue;
      seen[value] = true;
      auto& list = passes_[value];
      if (list.empty() || list.back() != pass) list.push_back(pass);
      for (Value operand : value.op->operands) pending.push_back(operand);
    }
  }

  bool may_keep(const Op& op) const {
    if (op.results.size() != 1 || op.kind() == OpKind::reduction || op.code == OpCode::parameter)
      return false;
    const Value value{const_cast<Op*>(&op), 0};
    const auto passes = passes_.find(value);
    return value.type().elements() == elements() && tile_.is_private(value) && passes != passes_.end() &&
           passes->second.size() >= 2;
  }
  int64_t bytes_of(const Op& op) const {
    return padded_ * loop::size_in_bytes(loop::from_graph(op.results[0].dtype));
  }

  int64_t padded_;
  Tile tile_;
  graph::ValueMap<std::vector<size_t>> passes_;  // that need a value
};

// Elements of a row that are taken at once, where a vector has so many.
int64_t lanes_of_row(int64_t vector, int64_t length) {
  int64_t lanes = vector;
  while (lanes < 4 * vector && lanes * 2 <= length) lanes *= 2;
  return lanes;
}

}  // namespace

RowBlocks choose_rows(const ReduceSchedule& schedule, const loop::Target& target) {
  RowBlocks blocks;
  blocks.lanes = lanes_of_row(target.lanes(), schedule.length());
  blocks.unit = schedule.rows_of_sums();
  if (blocks.unit == 0)
    blocks.unit = std::max<int64_t>(1, target.elements_a_unit() / std::max<int64_t>(schedule.length(), 1));
  blocks.kept = Kept(schedule, blocks.lanes).best(std::min(kKeptBytes, target.local_bytes));
  return blocks;
}

bool may_keep(const ReduceSchedule& schedule, const RowBlocks& blocks, const loop::Target& target) {
  return blocks.kept.empty() || Kept(schedule, blocks.lanes).may_keep(blocks.kept, target.local_bytes);
}

bool is_for_workgroup(int64_t rows, int64_t length, const loop::Target& target) {
  return target.has_fast_shared() ? length >= 2 * workgroup_lanes(target)
                                  : length >= kLongRow && rows < kFewRows;
}

int64_t iterations_of_pass(int64_t rows, int64_t length, bool goes_along, bool has_checks,
                           const loop::Target& target) {
  if (!goes_along) return iterations_in_blocks(length);
  const bool by_workgroup = target.has_workgroups() && !has_checks && is_for_workgroup(rows, length, target);
  const int64_t lanes = by_workgroup ? workgroup_lanes(target) : lanes_of_row(target.lanes(), length);
  return length / lanes + 1;
}

}  // namespace sinter::passes
