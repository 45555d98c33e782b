#include "ir/loop/range.h"

#include <algorithm>

namespace sinter::loop {
namespace {

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return a < 0 ? Interval::kLowest : Interval::kHighest;
  return result;
}

int64_t saturating_mul(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    return (a < 0) != (b < 0) ? Interval::kLowest : Interval::kHighest;
  }
  return result;
}

int64_t scaled(int64_t bound, int64_t factor) {
  if (factor == 0) return 0;
  if (bound == Interval::kLowest) return factor > 0 ? Interval::kLowest : Interval::kHighest;
  if (bound == Interval::kHighest) return factor > 0 ? Interval::kHighest : Interval::kLowest;
  return saturating_mul(bound, factor);
}

Interval product(Interval a, Interval b) {
  if (a.low < 0 || b.low < 0) return {};
  return {saturating_mul(a.low, b.low), scaled(a.high, b.high)};
}

Interval joined(Interval a, Interval b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

// Operands of an index division are not negative.
Interval quotient(Interval a, Interval divisor) {
  const int64_t least = std::max<int64_t>(divisor.low, 1);
  const int64_t low =
      divisor.bounded_above() && divisor.high > 0 ? std::max<int64_t>(a.low, 0) / divisor.high : 0;
  return {low, a.bounded_above() ? a.high / least : Interval::kHighest};
}

Interval remainder(Interval a, Interval divisor) {
  if (divisor.low > 0 && a.within(0, divisor.low - 1)) return a;
  const int64_t most = divisor.bounded_above() ? divisor.high - 1 : Interval::kHighest;
  return {0, std::min(most, a.high)};
}

}  // namespace

Interval operator+(Interval a, Interval b) {
  const bool below = a.bounded_below() && b.bounded_below(), above = a.bounded_above() && b.bounded_above();
  return {below ? saturating_add(a.low, b.low) : Interval::kLowest,
          above ? saturating_add(a.high, b.high) : Interval::kHighest};
}

Interval operator*(Interval a, int64_t factor) {
  const int64_t x = scaled(a.low, factor), y = scaled(a.high, factor);
  return {std::min(x, y), std::max(x, y)};
}

Interval interval_of(const Expr& x, const RangeMap& ranges, int depth) {
  if (x->kind == ExprNode::Kind::integer) return {x->integer, x->integer};
  if (x->kind == ExprNode::Kind::variable) {
    const auto found = ranges.find(x->variable);
    return found == ranges.end() ? Interval() : Interval{found->second.begin, found->second.end - 1};
  }
  if (is_floating(x->type) || x->type == Type::boolean || depth == 0) return {};
  const auto operand = [&](size_t i) { return interval_of(x->args[i], ranges, depth - 1); };
  if (x->kind == ExprNode::Kind::cast) {
    const Type from = x->args[0]->type;
    if (is_floating(from) || from == Type::boolean) return {};
    // Cut to the bits of the type, of which an index may have no more than an i32.
    const Interval whole = operand(0);
    const bool fits = x->type == Type::i64 ||
                      whole.within(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    return fits ? whole : Interval();
  }
  if (x->kind != ExprNode::Kind::apply) return {};
  // Arithmetic of other types than the index wraps around.
  const bool selects = x->op == ScalarOp::select || x->op == ScalarOp::min || x->op == ScalarOp::max;
  if (x->type != Type::index && !selects) return {};
  switch (x->op) {
    case ScalarOp::add:
      return operand(0) + operand(1);
    case ScalarOp::sub:
      return operand(0) + operand(1) * -1;
    case ScalarOp::neg:
      return operand(0) * -1;
    case ScalarOp::mul:
      if (const auto factor = as_integer(x->args[1])) return operand(0) * *factor;
      return product(operand(0), operand(1));
    case ScalarOp::div:
      return quotient(operand(0), operand(1));
    case ScalarOp::rem:
      return remainder(operand(0), operand(1));
    case ScalarOp::select:
      return joined(operand(1), operand(2));
    case ScalarOp::min: {
      const Interval a = operand(0), b = operand(1);
      return {std::min(a.low, b.low), std::min(a.high, b.high)};
    }
    case ScalarOp::max: {
      const Interval a = operand(0), b = operand(1);
      return {std::max(a.low, b.low), std::max(a.high, b.high)};
    }
    default:
      return {};
  }
}

}  // namespace sinter::loop
