#include "passes/split_batch/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

void check_sums(const Pairing& pairing, const Stages& stages, int stage) {
  std::unordered_map<const Op*, std::set<const Op*>> of;   // sums of the whole batch that a value follows
  std::unordered_map<const Op*, std::set<const Op*>> own;  // sums of the micro-batch that are in it
  for (const Op* op : pairing.ops()) {
    if (!stages.is_of_rows(*op) && !stages.follows_rows(*op)) continue;
    for (Value operand : op->operands) {
      if (stages.is_known_before(*op, operand)) continue;
      const bool is_sum = stages.is_of_rows(*operand.op) && !pairing.has_rows(operand);
      std::set<const Op*> followed = is_sum ? std::set<const Op*>{operand.op} : of[operand.op];
      if (stages.is_of_rows(*op)) {
        own[op].insert(own[operand.op].begin(), own[operand.op].end());
        for (const Op* sum : followed) own[op].insert(own[sum].begin(), own[sum].end());
        own[op].merge(followed);
      } else {
        of[op].merge(followed);
      }
    }
    if (!stages.follows_rows(*op) || !stages.is_wanted(*op) || stages.stage(*op) != stage) continue;
    for (const Op* sum : of[op]) {
      for (const Op* inner : own[sum]) {
        if (!of[op].contains(inner)) continue;
        throw GraphError(
            fmt::format("{}: rows of the batch use what it makes of their micro-batch, and {} "
                        "needs both what they make of it and that of the whole batch{}",
                        graph::name(inner->code), graph::name(op->code), at(inner->location)));
      }
    }
  }
}

namespace {

// Elements between the beginning of a tensor and a step along an axis: how often the axis is gone along.
int64_t count_before(const graph::Shape& shape, size_t axis) {
  return graph::element_count({shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis)});
}

// How often the batch is gone along within its axis of what `op` makes: twice in that of two joined ones.
int64_t rounds_of(const Pairing& pairing, const Op& op,
                  const std::unordered_map<const Op*, int64_t>& rounds) {
  int64_t most = 1;
  for (Value operand : op.operands) {
    if (pairing.has_rows(operand)) most = std::max(most, rounds.at(operand.op));
  }
  const Value result{const_cast<Op*>(&op), 0};
  if (op.results.empty() || !pairing.has_rows(result)) return most;
  const std::optional<size_t> axis = pairing.find_batch_axis(result);
  if (!axis) return most;
  if (op.code == OpCode::concat && op.attributes.integer("axis") == static_cast<int64_t>(*axis)) {
    return most * std::ranges::count_if(op.operands, [&](Value part) { return pairing.has_rows(part); });
  }
  if (op.code == OpCode::gather && pairing.has_rows(op.operands[1])) return rounds.at(op.operands[1].op);
  if (op.code != OpCode::reshape) return most;
  const Value from = op.operands[0];
  const std::optional<size_t> from_axis = pairing.find_batch_axis(from);
  if (!from_axis) return most;
  const int64_t all = count_before(from.shape(), *from_axis) * most;
  return std::max<int64_t>(1, all / std::max<int64_t>(1, count_before(op.results[0].shape, *axis)));
}

}  // namespace

void check_order(const Pairing& pairing) {
  std::unordered_map<const Op*, int64_t> rounds;
  for (const Op* op : pairing.ops()) rounds[op] = rounds_of(pairing, *op, rounds);
  for (const graph::Output& output : pairing.outputs()) {
    if (!pairing.has_rows(output.value) || rounds.at(output.value.op) == 1) continue;
    const Op& op = *output.value.op;
    throw GraphError(
        fmt::format("{}: output '{}' has the batch several times within one axis, which cannot be "
                    "put together of micro-batches{}; give it the batch an axis of its own",
                    graph::name(op.code), output.name, at(op.location)));
  }
}

}  // namespace sinter::passes
