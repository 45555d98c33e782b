#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "passes/split_batch/batch_loop.h"

// The loops around a micro-batch, and what ranks add up of them.
namespace sinter::passes {

using graph::Builder;
using graph::DType;
using graph::Function;
using graph::OpCode;
using graph::TensorType;
using graph::Value;

namespace {

// Gradients travel by so many bytes at least: some tens of microseconds' worth between processes of one
// machine.
constexpr int64_t kMessageBytes = 1 << 19;

graph::Shape with_leading(int64_t extent, const graph::Shape& shape) {
  graph::Shape result = {extent};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

}  // namespace

BatchLoop::Fold BatchLoop::fold_of(Value sum) {
  if (sum.op->code == OpCode::reduce_max) return Fold::max;
  return sum.op->code == OpCode::reduce_min ? Fold::min : Fold::sum;
}

Value BatchLoop::initial(Builder& builder, const Carry& carry) const {
  const auto [type, fold] = carry;
  if (fold == Fold::sum) return builder.constant(0, type.dtype, type.shape);
  const bool is_max = fold == Fold::max;
  if (graph::is_floating(type.dtype)) {
    const double infinity = std::numeric_limits<double>::infinity();
    return builder.constant(is_max ? -infinity : infinity, type.dtype, type.shape);
  }
  using Wide = std::numeric_limits<int64_t>;
  return builder.constant_int(is_max ? Wide::min() : Wide::max(), type.dtype, type.shape);
}

Value BatchLoop::combine(Builder& builder, const Carry& carry, Value before, Value more) const {
  if (carry.fold == Fold::max) return builder.max(before, more);
  if (carry.fold == Fold::min) return builder.min(before, more);
  return builder.add(before, more);
}

// What each turn adds `part` to.
void BatchLoop::carry(const Carry& carry, Value part) {
  const Value before = inner_->parameter(fmt::format("sum{}", carried_.size()), carry.type);
  carried_.push_back(before.op);
  carries_.push_back(carry);
  next_.push_back(combine(*inner_, carry, before, part));
}

// Values that lie by micro-batches along the first axis: those of this rank by the turns of its loops.
Value BatchLoop::by_turns(Value by_parts) {
  graph::Shape shape = by_parts.shape();
  if (share_->count != share_->parts) {
    std::vector<int64_t> start(shape.size(), 0), limit = shape;
    start[0] = share_->first;
    limit[0] = share_->first + share_->count;
    by_parts = result_->slice(by_parts, start, limit);
  }
  graph::Shape turns = share_->turns();
  turns.insert(turns.end(), shape.begin() + 1, shape.end());
  return result_->reshape(by_parts, turns);
}

// The loop of a level, from the innermost one, 0, around `body`: what it has carried, and rows.
std::vector<Value> BatchLoop::turn(Builder& builder, const Function& body, size_t level,
                                   const std::vector<Value>& steps, const std::vector<Value>& constants) {
  const bool is_apart = level == share_->loops.size();
  std::vector<Value> operands;
  if (!is_apart) {
    for (const Carry& carry : carries_) operands.push_back(initial(builder, carry));
  }
  const auto carries = static_cast<int64_t>(operands.size());
  operands.insert(operands.end(), steps.begin(), steps.end());
  operands.insert(operands.end(), constants.begin(), constants.end());
  return builder.scan(body, operands, carries, static_cast<int64_t>(constants.size()),
                      is_apart ? share_->count : share_->loops[level]);
}

// A turn of the loop of the level: the loop below it, which takes `body`, and adding what that comes to.
const Function& BatchLoop::around(const Function& body, size_t level) {
  Function& function = result_->module().add_function(fmt::format("{}.level{}", body_->name(), level));
  Builder builder(result_->module(), function);
  const bool is_apart = level == share_->loops.size();
  std::vector<Value> sums, steps, constants;
  for (size_t i = 0; i < carries_.size() && !is_apart; ++i)
    sums.push_back(builder.parameter(fmt::format("sum{}", i), carries_[i].type));
  for (Value step : steps_) {
    TensorType type = step.type();
    type.shape.erase(type.shape.begin(),
                     type.shape.begin() + static_cast<std::ptrdiff_t>(share_->turns().size() - level));
    steps.push_back(builder.parameter(fmt::format("step{}", steps.size()), type));
  }
  for (Value constant : constants_)
    constants.push_back(builder.parameter(fmt::format("known{}", constants.size()), constant.type()));
  const std::vector<Value> results = turn(builder, body, level - 1, steps, constants);
  for (size_t i = 0; i < results.size(); ++i) {
    const bool adds = i < sums.size();
    builder.output(fmt::format("result{}", i),
                   adds ? combine(builder, carries_[i], sums[i], results[i]) : results[i]);
  }
  return function;
}

// What the rank's micro-batches come to, and the other ranks' with them: what is carried, and rows of the
// whole batch by micro-batches.
std::vector<Value> BatchLoop::emit_loops() {
  const size_t levels = share_->turns().size();
  const Function* body = body_;
  for (size_t level = 1; level < levels; ++level) body = &around(*body, level);
  std::vector<Value> results = turn(*result_, *body, levels - 1, steps_, constants_);
  const size_t carries = carries_.size();
  for (size_t i = carries; i < results.size(); ++i) {
    const graph::Shape& shape = results[i].shape();
    const graph::Shape rows(shape.begin() + static_cast<std::ptrdiff_t>(levels), shape.end());
    results[i] = result_->reshape(results[i], with_leading(share_->count, rows));
  }
  if (share_->ranks == 1) return results;
  meet(results);
  for (size_t i = carries; i < results.size(); ++i) results[i] = gather_rows(results[i]);
  return results;
}

// Folds what is carried with that of the other ranks: sums of rows first, then gradients, of what is used
// last first, since these are there first.
void BatchLoop::meet(std::vector<Value>& results) {
  for (const Fold fold : {Fold::sum, Fold::max, Fold::min}) {
    std::vector<size_t> which;
    for (size_t i = 0; i < sums_.size(); ++i) {
      if (carries_[i].fold == fold) which.push_back(i);
    }
    meet(results, which);
  }
  std::vector<size_t> which;
  int64_t bytes = 0;
  for (size_t i = carries_.size(); i-- > sums_.size();) {
    which.push_back(i);
    bytes += carries_[i].type.bytes();
    if (bytes < kMessageBytes && i != sums_.size()) continue;
    meet(results, which);
    which.clear();
    bytes = 0;
  }
}

void BatchLoop::meet(std::vector<Value>& results, const std::vector<size_t>& which) {
  if (which.empty()) return;
  constexpr const char* kFolds[] = {"sum", "max", "min"};
  std::vector<Value> pieces;
  for (const size_t i : which) {
    const TensorType& type = carries_[i].type;
    Value piece =
        result_->reshape(results[i], with_leading(share_->is_apart ? share_->count : 1, type.shape));
    if (type.dtype == DType::boolean) piece = result_->cast(piece, DType::i32);
    pieces.push_back(piece);
  }
  const std::vector<Value> folded =
      result_->all_reduce(pieces, kFolds[static_cast<size_t>(carries_[which[0]].fold)], share_->parts,
                          {share_->rank, share_->ranks, *met_});
  *met_ = folded.back();
  for (size_t i = 0; i < which.size(); ++i) {
    results[which[i]] = result_->cast(folded[i], carries_[which[i]].type.dtype);
  }
}

// The rows of all micro-batches, of which `stacked` has this rank's.
Value BatchLoop::gather_rows(Value stacked) {
  std::vector<Value> rows;
  std::vector<int64_t> owners;
  for (int64_t rank = 0; rank < share_->ranks; ++rank) {
    owners.push_back(rank);
    graph::Shape shape = stacked.shape();
    shape[0] = share_of(share_->parts, rank, share_->ranks).count;
    rows.push_back(rank == share_->rank ? stacked : result_->constant(0, stacked.dtype(), shape));
  }
  std::vector<Value> all = result_->all_gather(rows, owners, {share_->rank, share_->ranks, *met_});
  *met_ = all.back();
  all.pop_back();
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(share_->rank), stacked);
  return result_->concat(all, 0);
}

}  // namespace sinter::passes
