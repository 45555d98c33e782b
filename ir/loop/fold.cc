#include "ir/loop/fold.h"

#include <algorithm>
#include <array>

#include "ir/error.h"
#include "ir/loop/range.h"
#include "ir/loop/reducers.h"
#include "ir/loop/scalar.h"

namespace sinter::loop {
namespace {

// x + c, x * c and so on: the constant, where x is such.
std::optional<int64_t> constant_operand(const Expr& x, ScalarOp op) {
  return is_apply(x, op) ? as_integer(x->args[1]) : std::nullopt;
}

Expr fold_constants(ScalarOp op, Type type, const std::vector<Expr>& args) {
  if (reducer_of_lanes(op) != nullptr || !std::all_of(args.begin(), args.end(), is_constant)) return nullptr;
  std::array<Scalar, 3> values;
  for (size_t i = 0; i < args.size(); ++i) values[i] = {args[i]->integer, args[i]->number};
  const auto value = [&] {
    return evaluate(op, args.back()->type, type, std::span(values.data(), args.size()));
  };
  if (op == ScalarOp::to_unsigned && is_floating(type)) return number(value().number, type);
  // Floating arithmetic is left to the machine that runs the kernel.
  return is_floating(type) ? nullptr : integer(value().integer, type);
}

Expr fold_add(const Expr& a, const Expr& b) {
  if (as_integer(a)) return b + a;
  if (const auto c = as_integer(b)) {
    if (*c == 0) return a;
    if (constant_operand(a, ScalarOp::add)) return a->args[0] + (a->args[1] + b);
    return nullptr;
  }
  if (constant_operand(a, ScalarOp::add)) return (a->args[0] + b) + a->args[1];
  if (constant_operand(b, ScalarOp::add)) return (a + b->args[0]) + b->args[1];
  return nullptr;
}

Expr fold_sub(const Expr& a, const Expr& b) {
  if (a.get() == b.get()) return integer(0, a->type);
  if (as_integer(b)) return a + apply(ScalarOp::neg, {b});
  if (constant_operand(b, ScalarOp::add)) return (a - b->args[0]) - b->args[1];
  if (constant_operand(a, ScalarOp::add)) return (a->args[0] - b) + a->args[1];
  return nullptr;
}

Expr fold_mul(const Expr& a, const Expr& b) {
  if (as_integer(a)) return b * a;
  const auto c = as_integer(b);
  if (!c) return nullptr;
  if (*c == 0) return b;
  if (*c == 1) return a;
  if (constant_operand(a, ScalarOp::mul)) return a->args[0] * (a->args[1] * b);
  if (constant_operand(a, ScalarOp::add)) return a->args[0] * b + a->args[1] * b;
  return nullptr;
}

bool is_multiple(const Expr& x, int64_t divisor) {
  if (const auto value = as_integer(x)) return *value % divisor == 0;
  const auto factor = constant_operand(x, ScalarOp::mul);
  return factor && *factor % divisor == 0;
}

// Sums taken apart to divide them; what is bounded here is bounded by its own form, without knowing
// variables.
Interval own_bounds(const Expr& x) {
  return interval_of(x, {}, 4);
}

// For a sum of a multiple of `divisor` and a rest that is not negative: {multiple, rest}.
std::optional<std::pair<Expr, Expr>> split_sum(const Expr& x, int64_t divisor) {
  if (!is_apply(x, ScalarOp::add)) return std::nullopt;
  for (const size_t i : {0, 1}) {
    if (is_multiple(x->args[i], divisor) && own_bounds(x->args[1 - i]).low >= 0) {
      return std::pair(x->args[i], x->args[1 - i]);
    }
  }
  return std::nullopt;
}

// Index division: of values that are not negative.
Expr fold_index_div(const Expr& a, int64_t d) {
  if (d == 1) return a;
  if (own_bounds(a).within(0, d - 1)) return integer(0);
  if (is_multiple(a, d)) return a->args[0] * (*as_integer(a->args[1]) / d);
  if (const auto factor = constant_operand(a, ScalarOp::mul); factor && *factor > 0 && d % *factor == 0) {
    return a->args[0] / (d / *factor);
  }
  if (const auto inner = constant_operand(a, ScalarOp::div); inner && *inner > 0)
    return a->args[0] / (*inner * d);
  if (const auto parts = split_sum(a, d)) return parts->first / d + parts->second / d;
  return nullptr;
}

Expr fold_index_rem(const Expr& a, int64_t d) {
  if (d == 1 || is_multiple(a, d)) return integer(0);
  if (own_bounds(a).within(0, d - 1)) return a;
  if (const auto inner = constant_operand(a, ScalarOp::rem); inner && *inner % d == 0) return a->args[0] % d;
  if (const auto parts = split_sum(a, d)) return parts->second % d;
  return nullptr;
}

Expr fold_integer(ScalarOp op, const std::vector<Expr>& args) {
  const Expr& a = args[0];
  const bool divides = op == ScalarOp::div || op == ScalarOp::rem;
  const int64_t divisor = divides ? as_integer(args[1]).value_or(0) : 0;
  switch (op) {
    case ScalarOp::add:
      return fold_add(a, args[1]);
    case ScalarOp::sub:
      return fold_sub(a, args[1]);
    case ScalarOp::mul:
      return fold_mul(a, args[1]);
    case ScalarOp::div:
      if (divisor > 0 && a->type == Type::index) return fold_index_div(a, divisor);
      return divisor == 1 ? a : nullptr;
    case ScalarOp::rem:
      if (divisor > 0 && a->type == Type::index) return fold_index_rem(a, divisor);
      return divisor == 1 ? integer(0, a->type) : nullptr;
    case ScalarOp::min:
    case ScalarOp::max:
      return a.get() == args[1].get() ? a : nullptr;
    case ScalarOp::equal:
    case ScalarOp::less_equal:
    case ScalarOp::greater_equal:
      return a.get() == args[1].get() ? boolean(true) : nullptr;
    case ScalarOp::not_equal:
    case ScalarOp::less:
    case ScalarOp::greater:
      return a.get() == args[1].get() ? boolean(false) : nullptr;
    default:
      return nullptr;
  }
}

Expr fold_boolean(ScalarOp op, const std::vector<Expr>& args) {
  if (op == ScalarOp::logical_not) {
    return is_apply(args[0], ScalarOp::logical_not) ? args[0]->args[0] : nullptr;
  }
  if (op != ScalarOp::logical_and && op != ScalarOp::logical_or) return nullptr;
  const bool neutral = op == ScalarOp::logical_and;
  for (const size_t i : {0, 1}) {
    if (const auto value = as_integer(args[i])) return (*value != 0) == neutral ? args[1 - i] : args[i];
  }
  return args[0].get() == args[1].get() ? args[0] : nullptr;
}

Expr fold_select(const std::vector<Expr>& args) {
  if (const auto condition = as_integer(args[0])) return args[*condition ? 1 : 2];
  if (args[1].get() == args[2].get()) return args[1];
  if (args[1]->type == Type::boolean && as_integer(args[1]) == 1 && as_integer(args[2]) == 0) return args[0];
  return nullptr;
}

}  // namespace

Expr fold(ScalarOp op, Type type, const std::vector<Expr>& args) {
  if (op == ScalarOp::select) return fold_select(args);
  if (Expr constant = fold_constants(op, type, args)) return constant;
  const Type operand = args[0]->type;
  if (operand == Type::boolean) return fold_boolean(op, args);
  return is_floating(operand) ? nullptr : fold_integer(op, args);
}

Expr with_args(const ExprNode& x, std::vector<Expr> args) {
  switch (x.kind) {
    case ExprNode::Kind::load:
      return load(x.buffer, args[0], args.size() > 1 ? args[1] : nullptr);
    case ExprNode::Kind::apply:
      return apply_as(x.op, x.type, std::move(args));
    case ExprNode::Kind::cast:
      return cast(args[0], x.type);
    case ExprNode::Kind::bitcast:
      return bitcast(args[0], x.type);
    default:
      throw InternalError("an expression without operands cannot be given others");
  }
}

}  // namespace sinter::loop
