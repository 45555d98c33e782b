#include "passes/split_batch/batch_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "passes/simplify/axes.h"
#include "passes/split_batch/prepare.h"

namespace sinter::passes {

using graph::Builder;
using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

[[noreturn]] void fail_at(const Op& op, std::string_view message) {
  throw GraphError(fmt::format("{}: {}{}", graph::name(op.code), message, at(op.location)));
}

}  // namespace

Value dot(Builder& builder, Value a, Value b) {
  return builder.reduce_sum(builder.mul(a, b), all_axes(a.rank()));
}

BatchLoop::BatchLoop(Builder& builder, const Pairing& pairing, const Stages& stages, const Share& share,
                     const graph::ValueMap<Value>& known, const std::set<std::string>& numbered, Value& met)
    : result_(&builder),
      pairing_(&pairing),
      stages_(&stages),
      share_(&share),
      known_(&known),
      numbered_(&numbered),
      met_(&met) {
  for (const Op* op : pairing.ops()) {
    const bool counts = std::ranges::any_of(
        op->operands, [&](Value operand) { return counts_rows_[pairing.ordinal(*operand.op)]; });
    const bool differs = op->code == OpCode::constant && op->attributes != pairing.twin(*op).attributes;
    counts_rows_.push_back(counts || differs);
  }
}

// Whether the loop makes a value of its own for the operand. Rows of the batch know how many there are in
// all; what is made of a micro-batch for its own rows knows how many these are.
bool BatchLoop::is_own(const Op& op, Value operand) const {
  if (!stages_->is_known_before(op, operand)) return true;
  return !stages_->is_of_rows(op) && counts_rows_[pairing_->ordinal(*operand.op)];
}

void BatchLoop::need(const Op& op) {
  needed_[pairing_->ordinal(op)] = true;
}

void BatchLoop::find_needed() {
  needed_.assign(pairing_->ops().size(), false);
  taken_ = needed_;
  for (Value value : sums_) need(*value.op);
  for (Value value : rows_) need(*value.op);
  for (const Op* check : checks_) need(*check);
  for (const SumGradient* gradient : gradients_) {
    for (Value sum : gradient->sums) need(*sum.op);
  }
  for (size_t i = needed_.size(); i-- > 0;) {
    if (!needed_[i]) continue;
    const Op& op = *pairing_->ops()[i];
    for (Value operand : op.operands) {
      if (!is_own(op, operand)) continue;
      need(*operand.op);
      taken_[pairing_->ordinal(*operand.op)] = true;
    }
  }
}

graph::ValueMap<Value> BatchLoop::emit(const std::string& name) {
  body_ = &result_->module().add_function(name);
  Builder inner(result_->module(), *body_);
  inner_ = &inner;
  find_needed();
  for (size_t i = 0; i < needed_.size(); ++i) {
    if (needed_[i]) emit_op(*pairing_->ops()[i]);
  }
  for (Value sum : sums_) {
    inner.set_location(sum.op->location);
    carry({sum.type(), fold_of(sum)}, emit_part(sum));
  }
  for (SumGradient* gradient : gradients_) emit_gradient(*gradient);

  for (size_t i = 0; i < next_.size(); ++i) inner.output(fmt::format("carry{}", i), next_[i]);
  for (size_t i = 0; i < rows_.size(); ++i) inner.output(fmt::format("rows{}", i), local_.at(rows_[i]));
  sort_parameters();

  const std::vector<Value> results = emit_loops();
  graph::ValueMap<Value> made;
  size_t next = 0;
  for (Value sum : sums_) {
    Value& total = made[sum] = results[next++];
    if (sum.op->code == OpCode::scatter_add) total = result_->add(known_->at(sum.op->operands[0]), total);
  }
  for (SumGradient* gradient : gradients_) {
    for (auto& [whole, accumulated] : gradient->gradients) accumulated = results[next++];
  }
  for (Value rows : rows_) made[rows] = joined(results[next++], rows);
  return made;
}

void BatchLoop::emit_op(const Op& op) {
  inner_->set_location(op.location);
  const Op& part = pairing_->twin(op);
  const Value first{const_cast<Op*>(&op), 0};
  if (op.code == OpCode::parameter) {
    const Value slice = inner_->parameter(Function::parameter_name(op), pairing_->twin(first).type());
    sliced_.push_back(slice.op);
    result_->set_location(op.location);
    steps_.push_back(by_turns(by_parts(first)));
    local_[first] = slice;
    return;
  }
  std::vector<Value> operands;
  for (Value operand : op.operands) {
    operands.push_back(is_own(op, operand) ? local_.at(operand) : capture(operand));
  }
  if (is_numbered_source(*pairing_, op)) {
    local_[first] = numbered_rows(*inner_, *pairing_, op, operands, number());
    return;
  }
  graph::ValueMap<Value> map;
  for (size_t i = 0; i < operands.size(); ++i) map[part.operands[i]] = operands[i];
  Op& copy = graph::clone_op(part, *body_, map);
  if (numbered_->contains(graph::callee(part))) pass_number(copy, number());
  for (size_t i = 0; i < op.results.size(); ++i) {
    const int index = static_cast<int>(i);
    local_[Value{const_cast<Op*>(&op), index}] = copy.result(index);
  }
}

// What a micro-batch adds to the sum.
Value BatchLoop::emit_part(Value sum) {
  const Op& op = *sum.op;
  // Each row is in one micro-batch, or this would add up something else.
  for (Value operand : op.operands) {
    if (pairing_->has_rows(operand)) pairing_->batch_axis(operand);
  }
  switch (op.code) {
    case OpCode::reduce_sum:
    case OpCode::reduce_max:
    case OpCode::reduce_min:
    case OpCode::contract:
      return local_.at(sum);
    case OpCode::scatter_add: {
      const Value made = local_.at(sum);
      return inner_->scatter_add(inner_->constant_like(0, sum), made.op->operands[1], made.op->operands[2],
                                 op.attributes.integer("axis"));
    }
    case OpCode::scan:
      fail_at(op, fmt::format(
                      "makes {} of rows of the batch step by step; micro-batches need rows of it, which are "
                      "put together after it",
                      to_string(sum.type())));
    case OpCode::call:
      fail_at(op, fmt::format(
                      "a gradient of one's own makes {} of rows of the batch; micro-batches need rows of it, "
                      "which are put together after it",
                      to_string(sum.type())));
    default:
      fail_at(op,
              fmt::format("makes {} of certain rows of the batch, which are not in every micro-batch; sums, "
                          "means, extrema and contractions over the batch can be split",
                          to_string(sum.type())));
  }
}

void BatchLoop::emit_gradient(SumGradient& gradient) {
  for (size_t i = 0; i < taken_.size(); ++i) {
    const Op& op = *pairing_->ops()[i];
    if (!taken_[i] || !gradient.loss.contains(&op)) continue;
    fail_at(op,
            "rows of the batch and the loss both use what it makes of all rows together, which micro-batches "
            "do not know while they are gone over");
  }
  inner_->set_location(gradient.grad->location);
  Value loss;
  for (size_t i = 0; i < gradient.sums.size(); ++i) {
    const Value weight = capture_result(gradient.weights[i]);
    const Value term = dot(*inner_, weight, emit_part(gradient.sums[i]));
    const Value cast = loss ? inner_->cast(term, loss.dtype()) : term;
    loss = loss ? inner_->add(loss, cast) : cast;
  }
  std::vector<Value> leaves;
  for (Op* parameter : constant_parameters_) {
    for (const auto& [whole, inside] : captured_) {
      if (inside.op != parameter || !graph::is_floating(whole.dtype()) || !gradient.active.contains(whole.op))
        continue;
      gradient.gradients.emplace_back(whole, Value());
      leaves.push_back(inside);
    }
  }
  if (!loss || leaves.empty()) {
    gradient.gradients.clear();
    return;
  }
  const std::vector<Value> made = inner_->grad(loss, leaves);
  result_->set_location(gradient.grad->location);
  for (size_t i = 0; i < leaves.size(); ++i) {
    carry({leaves[i].type(), Fold::sum}, made[i]);
  }
}

Value BatchLoop::capture(Value whole) {
  if (const auto known = captured_.find(whole); known != captured_.end()) return known->second;
  if (whole.op->code == OpCode::constant) {
    graph::ValueMap<Value> none;
    return captured_[whole] = graph::clone_op(*whole.op, *body_, none).result();
  }
  return captured_[whole] = capture_result(known_->at(whole));
}

Value BatchLoop::capture_result(Value value) {
  const Value parameter = inner_->parameter(fmt::format("known{}", constants_.size()), value.type());
  constants_.push_back(value);
  constant_parameters_.push_back(parameter.op);
  return parameter;
}

Value BatchLoop::number() {
  if (!number_) {
    steps_.push_back(by_turns(result_->iota({graph::DType::i32, {pairing_->parts()}}, 0)));
    number_ = inner_->parameter("number", {graph::DType::i32, {}});
    sliced_.push_back(number_.op);
  }
  return number_;
}

// Parameters come first: carries, slices, constants.
void BatchLoop::sort_parameters() {
  std::unordered_map<const Op*, size_t> ranks;
  for (const auto* list : {&carried_, &sliced_, &constant_parameters_}) {
    for (const Op* parameter : *list) ranks.emplace(parameter, ranks.size());
  }
  const auto rank = [&](const std::unique_ptr<Op>& op) {
    const auto found = ranks.find(op.get());
    return found == ranks.end() ? ranks.size() : found->second;
  };
  std::ranges::stable_sort(body_->ops(), {}, rank);
}

// [..,rows,..] as [parts,..,rows of a part,..].
Value BatchLoop::by_parts(Value parameter) {
  const size_t axis = pairing_->batch_axis(parameter);
  graph::Shape shape = pairing_->twin(parameter).shape();
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), pairing_->parts());
  std::vector<int64_t> permutation{static_cast<int64_t>(axis)};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i != axis) permutation.push_back(static_cast<int64_t>(i));
  }
  const Value cut = result_->reshape(known_->at(parameter), shape);
  return axis == 0 ? cut : result_->transpose(cut, permutation);
}

Value BatchLoop::joined(Value stacked, Value whole) {
  const size_t axis = pairing_->batch_axis(whole);
  std::vector<int64_t> permutation;
  for (int64_t i = 1; i < stacked.rank(); ++i) permutation.push_back(i);
  permutation.insert(permutation.begin() + static_cast<std::ptrdiff_t>(axis), 0);
  const Value ordered = axis == 0 ? stacked : result_->transpose(stacked, permutation);
  return result_->reshape(ordered, whole.shape());
}

}  // namespace sinter::passes
