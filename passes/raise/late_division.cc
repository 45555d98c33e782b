#include <algorithm>

#include "ir/graph/builder.h"
#include "passes/attention/body.h"
#include "passes/base/rewrite.h"
#include "passes/raise/raise.h"

// contract(e, v) / sum(e), where the sum is over what the contraction sums: a softmax whose division comes
// after the product.
namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// The quotient of two values: a / b, or a times what repeats 1 / b.
struct Quotient {
  Value dividend;
  Value divisor;  // or, where inverted, its reciprocal
  bool inverted = false;
};

struct WeightedSum {
  Value exponentials, sum;
  const Op* contract = nullptr;
  size_t side = 0;  // of the contraction, the exponentials'
};

Value under_views(Value value) {
  while (loop::is_plain_view(*value.op)) value = value.op->operands[0];
  return value;
}

// The reduction that the value repeats, or of which it repeats the reciprocal.
Value sum_under(Value value, bool inverted) {
  Value base = under_views(value);
  if (inverted) {
    if (base.op->code != OpCode::div || splat_number(base.op->operands[0]) != 1) return {};
    base = under_views(base.op->operands[1]);
  }
  return base.op->code == OpCode::reduce_sum ? base : Value{};
}

// The exponentials as the sum takes them, under the views of a contraction's operand.
bool is_under_views(Value value, Value e) {
  while (value != e && loop::is_plain_view(*value.op)) value = value.op->operands[0];
  return value == e;
}

std::optional<WeightedSum> match(const Quotient& q) {
  const Value product = under_views(q.dividend);
  const Value sum = sum_under(q.divisor, q.inverted);
  if (product.op->code != OpCode::contract || !sum || sum.op->attributes.integers("axes").size() != 1)
    return std::nullopt;
  const Value e = sum.op->operands[0];
  const size_t side = is_under_views(product.op->operands[0], e) ? 0 : 1;
  const Value operand = product.op->operands[side];
  if (!is_under_views(operand, e)) return std::nullopt;
  // Each element is divided by the sum over its own exponentials, wherever that lies along the summed axis.
  loop::RangeMap ranges;
  const Index at = loop::fresh_index(q.dividend.shape(), ranges).at;
  const auto in_product = trace(q.dividend, at, product, ranges), in_sum = trace(q.divisor, at, sum, ranges);
  if (!in_product || !in_sum) return std::nullopt;
  const auto dims = ContractDims::parse(product.op->attributes.text("dims"));
  const std::string& letters = side == 0 ? dims.lhs : dims.rhs;
  Index in_operand = loop::fresh_index(operand.shape(), ranges).at;
  for (size_t i = 0; i < letters.size(); ++i) {
    const size_t place = dims.result.find(letters[i]);
    if (place != std::string::npos) in_operand[i] = (*in_product)[place];
  }
  const auto in_e = trace(operand, in_operand, e, ranges);
  if (!in_e) return std::nullopt;
  const auto axis = static_cast<size_t>(sum.op->attributes.integers("axes")[0]);
  for (size_t i = 0; i < in_sum->size(); ++i) {
    const loop::Expr apart = (*in_sum)[i] - (*in_e)[i < axis ? i : i + 1];
    if (loop::as_integer(loop::simplify(apart, ranges)) != 0) return std::nullopt;
  }
  return WeightedSum{e, sum, product.op, side};
}

std::optional<std::pair<Quotient, WeightedSum>> find(const Op& op) {
  if (op.code == OpCode::div) {
    const Quotient q{op.operands[0], op.operands[1]};
    if (const auto found = match(q)) return std::pair(q, *found);
  }
  if (op.code == OpCode::mul) {
    for (size_t i = 0; i < 2; ++i) {
      const Quotient q{op.operands[i], op.operands[1 - i], true};
      if (const auto found = match(q)) return std::pair(q, *found);
    }
  }
  return std::nullopt;
}

// The views between `from` and `base`, over `by` instead.
Value with_views(graph::Builder& builder, Value from, Value base, Value by) {
  if (from == base) return by;
  const Value below = with_views(builder, from.op->operands[0], base, by);
  return builder.emit(from.op->code, {below}, from.op->attributes).result();
}

}  // namespace

void raise_late_division(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto found = find(op);
    if (!found) return std::nullopt;
    const auto& [quotient, m] = *found;
    Value mask;
    if (exponential_of(m.exponentials, mask) == nullptr) return std::nullopt;
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    std::vector<int64_t> kept;
    for (int64_t axis = 0; axis < m.exponentials.rank(); ++axis) {
      if (axis != m.sum.op->attributes.integers("axes")[0]) kept.push_back(axis);
    }
    const Value sums = builder.broadcast(m.sum, m.exponentials.shape(), kept);
    const Value old = const_cast<Op*>(m.contract)->result();
    std::vector<Value> operands = m.contract->operands;
    operands[m.side] =
        with_views(builder, operands[m.side], m.exponentials, builder.div(m.exponentials, sums));
    const Value product = builder.emit(OpCode::contract, operands, m.contract->attributes).result();
    return std::vector{with_views(builder, quotient.dividend, old, product)};
  });
}

}  // namespace sinter::passes
