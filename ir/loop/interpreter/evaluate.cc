#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "ir/error.h"
#include "ir/loop/interpreter/machine.h"
#include "ir/loop/reducers.h"

// Expressions and memory.
namespace sinter::loop::interpreter {
namespace {

// Index division of a negative number means nothing: where its result is used after all, no buffer has it.
constexpr int64_t kNoIndex = std::numeric_limits<int64_t>::min() / 2;

Scalar least(Type type) {
  if (is_floating(type)) return {.number = -std::numeric_limits<double>::infinity()};
  return {.integer =
              type == Type::i32 ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min()};
}

Scalar greatest(Type type) {
  if (is_floating(type)) return {.number = std::numeric_limits<double>::infinity()};
  return {.integer =
              type == Type::i32 ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max()};
}

}  // namespace

Scalar Machine::evaluate(const Code& x, int64_t lane) {
  if (x.memo == Code::kNoMemo) return compute(x, lane);
  const size_t at = x.memo + (x.varies ? static_cast<size_t>(lane) : 0);
  if (memos_[at].statement != statement_) memos_[at] = {statement_, compute(x, lane)};
  return memos_[at].value;
}

Scalar Machine::compute(const Code& x, int64_t lane) {
  switch (x.kind) {
    case ExprNode::Kind::integer:
    case ExprNode::Kind::number:
      return x.constant;
    case ExprNode::Kind::variable:
      return frame_[x.slot + (x.varies ? static_cast<size_t>(lane) : 0)];
    case ExprNode::Kind::load:
      return read(x, lane);
    case ExprNode::Kind::apply:
      return apply(x, lane);
    case ExprNode::Kind::cast:
      return evaluate_cast(evaluate(*x.args[0], lane), x.args[0]->type, x.type);
    case ExprNode::Kind::bitcast:
      return evaluate_bitcast(evaluate(*x.args[0], lane), x.args[0]->type);
    case ExprNode::Kind::context:
      break;
  }
  switch (x.context) {
    case ContextValue::seed_low:
      return {.integer = static_cast<int32_t>(call_.seed)};
    case ContextValue::seed_high:
      return {.integer = static_cast<int32_t>(call_.seed >> 32)};
    case ContextValue::step:
      break;
  }
  return {.integer = call_.step};
}

Scalar Machine::apply(const Code& x, int64_t lane) {
  if (reducer_of_lanes(x.op) != nullptr) return reduce_lanes(x);
  if (x.op == ScalarOp::subgroup_sum) return reduce_subgroup(x);
  std::array<Scalar, 3> args;
  for (size_t i = 0; i < x.args.size(); ++i) args[i] = evaluate(*x.args[i], lane);
  const bool divides = x.op == ScalarOp::div || x.op == ScalarOp::rem;
  if (divides && x.type == Type::index && (args[0].integer < 0 || args[1].integer < 0))
    return {.integer = kNoIndex};
  return loop::evaluate(x.op, x.args.back()->type, x.type, std::span(args.data(), x.args.size()));
}

// Halves the lanes until one is left. Inactive ones hold what changes nothing. What a reduction is, an oracle
// says for itself.
Scalar Machine::reduce_lanes(const Code& x) {
  const ScalarOp op = x.op == ScalarOp::lane_sum   ? ScalarOp::add
                      : x.op == ScalarOp::lane_max ? ScalarOp::max
                                                   : ScalarOp::min;
  const Scalar neutral = op == ScalarOp::add   ? Scalar{}
                         : op == ScalarOp::max ? least(x.type)
                                               : greatest(x.type);
  std::vector<Scalar> values(static_cast<size_t>(width_), neutral);
  for (int64_t lane = 0; lane < active_; ++lane)
    values[static_cast<size_t>(lane)] = evaluate(*x.args[0], lane);
  while (values.size() > 1) {
    const size_t half = (values.size() + 1) / 2;
    for (size_t i = 0; i + half < values.size(); ++i) {
      const std::array pair = {values[i], values[i + half]};
      values[i] = loop::evaluate(op, x.type, x.type, pair);
    }
    values.resize(half);
  }
  return values[0];
}

// What the other lanes would read, which this one must be allowed to.
Scalar Machine::reduce_subgroup(const Code& x) {
  const Scalar lanes = evaluate(*x.args[1], 0);
  const int64_t given = is_floating(x.type) ? static_cast<int64_t>(lanes.number) : lanes.integer;
  const auto size = static_cast<size_t>(given);
  const size_t first = lane_ / size * size, end = std::min(first + size, waiting_.size());
  Scalar sum;
  std::swap(frame_, waiting_[lane_]);
  for (size_t lane = first; lane < end; ++lane) {
    std::swap(frame_, waiting_[lane]);
    ++statement_;
    const std::array pair = {sum, evaluate(*x.args[0], 0)};
    sum = loop::evaluate(ScalarOp::add, x.type, x.type, pair);
    std::swap(frame_, waiting_[lane]);
  }
  ++statement_;
  std::swap(frame_, waiting_[lane_]);
  return sum;
}

Scalar Machine::read(const Code& x, int64_t lane) {
  if (x.varies && lane >= active_) return {};
  if (x.args.size() > 1 && !evaluate(*x.args[1], lane).integer) return {};
  const int64_t index = evaluate(*x.args[0], lane).integer;
  return read_element(access(x.buffer, index, false), x.type, index);
}

void Machine::write(size_t buffer, int64_t index, Scalar value) {
  const Buffer& to = *routine_.buffers[buffer];
  std::byte* data = access(buffer, index, true);
  write_element(data, to.type, index, value);
  if (to.space != Space::local || in_lanes_) return;
  // Outside of lane loops all lanes do the same, each to its own.
  for (int64_t copy = 1; copy < routine_.workgroup_lanes; ++copy) {
    write_element(data + copy * to.size * size_in_bytes(to.type), to.type, index, value);
  }
}

std::byte* Machine::access(size_t buffer, int64_t index, bool writes) {
  const Buffer& to = *routine_.buffers[buffer];
  const Memory& memory = memory_[buffer];
  if (index < 0 || index >= to.size) {
    throw InternalError(fmt::format("kernel {}: {} of {}[{}] is out of bounds: it has {} elements",
                                    kernel_.name, writes ? "store" : "load", to.name, index, to.size));
  }
  if (memory.log && !(writes ? memory.log->write(index, agent(to)) : memory.log->read(index, agent(to)))) {
    throw InternalError(fmt::format("kernel {}: {} of {}[{}] races with another {}", kernel_.name,
                                    writes ? "store" : "load", to.name, index,
                                    to.space == Space::shared ? "lane" : "iteration of the parallel loop"));
  }
  if (to.space != Space::local) return memory.data;
  return memory.data + static_cast<int64_t>(lane_) * to.size * size_in_bytes(to.type);
}

int64_t Machine::agent(const Buffer& buffer) const {
  if (buffer.space != Space::shared) return unit_;
  return in_lanes_ ? static_cast<int64_t>(lane_) : AccessLog::kEveryone;
}

}  // namespace sinter::loop::interpreter
