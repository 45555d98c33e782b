#include "ir/loop/expr.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "ir/error.h"
#include "ir/loop/fold.h"
#include "ir/loop/scalar.h"

namespace sinter::loop {
namespace {

enum class Domain : uint8_t { floating, numeric, integral, any };
enum class Result : uint8_t { same, logical };

struct Row {
  std::string_view name;
  size_t arity;
  Domain domain;
  Result result;
};

// select and to_unsigned have operands of two types; their rows give their names and arities only.
constexpr std::array kRows = {
#define SINTER_ELEMENTWISE(name, arity, domain, result, ...) \
  Row{#name, arity, Domain::domain, Result::result},
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
    Row{"select", 3, Domain::any, Result::same},
    Row{"fma", 3, Domain::floating, Result::same},
    Row{"exp2", 1, Domain::floating, Result::same},
    Row{"shift_left", 2, Domain::integral, Result::same},
    Row{"shift_right", 2, Domain::integral, Result::same},
    Row{"mul_high", 2, Domain::integral, Result::same},
    Row{"to_unsigned", 1, Domain::integral, Result::same},
    Row{"lane_sum", 1, Domain::numeric, Result::same},
    Row{"lane_max", 1, Domain::numeric, Result::same},
    Row{"lane_min", 1, Domain::numeric, Result::same},
    Row{"subgroup_sum", 2, Domain::numeric, Result::same},
};
static_assert(kRows.size() == static_cast<size_t>(ScalarOp::subgroup_sum) + 1);

const Row& row(ScalarOp op) {
  return kRows[static_cast<size_t>(op)];
}

bool takes(ScalarOp op, Type type) {
  switch (op) {
    case ScalarOp::shift_left:
    case ScalarOp::shift_right:
      return type == Type::i32 || type == Type::i64;
    case ScalarOp::mul_high:
    case ScalarOp::to_unsigned:
      return type == Type::i32;
    case ScalarOp::exp2:
      return type == Type::f32;
    default:
      break;
  }
  switch (row(op).domain) {
    case Domain::floating:
      return is_floating(type);
    case Domain::numeric:
      return type != Type::boolean;
    case Domain::integral:
      return !is_floating(type);
    case Domain::any:
      return true;
  }
  return false;
}

std::string types_of(const std::vector<Expr>& args) {
  std::string out;
  for (const Expr& arg : args) out += (out.empty() ? "" : ", ") + std::string(arg ? name(arg->type) : "null");
  return out;
}

// The type that `op` gives for `args`; throws where it does not take them.
Type result_type(ScalarOp op, const std::vector<Expr>& args) {
  bool valid = args.size() == row(op).arity;
  for (const Expr& arg : args) valid = valid && arg != nullptr;
  const size_t first = op == ScalarOp::select ? 1 : 0;
  valid = valid && (op != ScalarOp::select || args[0]->type == Type::boolean);
  for (size_t i = first; valid && i < args.size(); ++i) {
    valid = args[i]->type == args[first]->type && takes(op, args[i]->type);
  }
  if (!valid) throw InternalError(fmt::format("{} does not take ({})", name(op), types_of(args)));
  return row(op).result == Result::logical ? Type::boolean : args[first]->type;
}

Expr make(ExprNode node) {
  return std::make_shared<const ExprNode>(std::move(node));
}

Expr make_apply(ScalarOp op, Type type, std::vector<Expr> args) {
  if (Expr folded = fold(op, type, args)) return folded;
  return make({.kind = ExprNode::Kind::apply, .type = type, .op = op, .args = std::move(args)});
}

Expr from_scalar(Scalar value, Type type) {
  return is_floating(type) ? number(value.number, type) : integer(value.integer, type);
}

// Integer operands of operators take the type of the other operand.
Expr like(int64_t value, const Expr& other) {
  return is_floating(other->type) ? number(static_cast<double>(value), other->type)
                                  : integer(value, other->type);
}

}  // namespace

void expect(const Expr& x, Type type, std::string_view what) {
  if (!x || x->type != type) {
    throw InternalError(fmt::format("{} is {}, not {}", what, x ? name(x->type) : "null", name(type)));
  }
}

Type from_graph(graph::DType type) {
  switch (type) {
    case graph::DType::boolean:
      return Type::boolean;
    case graph::DType::i32:
      return Type::i32;
    case graph::DType::i64:
      return Type::i64;
    case graph::DType::f32:
      return Type::f32;
    case graph::DType::f64:
      return Type::f64;
    default:
      throw GraphError(fmt::format("no kernel computes in {}", graph::name(type)));
  }
}

std::string_view name(Type type) {
  constexpr std::array<std::string_view, 6> kNames = {"bool", "i32", "i64", "f32", "f64", "index"};
  return kNames[static_cast<size_t>(type)];
}

int64_t size_in_bytes(Type type) {
  switch (type) {
    case Type::boolean:
      return 1;
    case Type::i32:
    case Type::f32:
      return 4;
    case Type::i64:
    case Type::f64:
      return 8;
    case Type::index:
      break;
  }
  throw InternalError("an index has no size in memory");
}

bool is_floating(Type type) {
  return type == Type::f32 || type == Type::f64;
}

std::string_view name(ScalarOp op) {
  return row(op).name;
}

Expr integer(int64_t value, Type type) {
  if (is_floating(type)) throw InternalError(fmt::format("integer constant of type {}", name(type)));
  const Scalar held = evaluate_cast({.integer = value}, Type::i64, type);
  return make({.kind = ExprNode::Kind::integer, .type = type, .integer = held.integer});
}

Expr number(double value, Type type) {
  if (!is_floating(type)) throw InternalError(fmt::format("floating constant of type {}", name(type)));
  const double held = type == Type::f32 ? static_cast<float>(value) : value;
  return make({.kind = ExprNode::Kind::number, .type = type, .number = held});
}

Expr boolean(bool value) {
  return integer(value, Type::boolean);
}

Expr constant(double value, Type type) {
  return from_scalar(evaluate_cast({.number = value}, Type::f64, type), type);
}

Expr variable(VariableRef variable) {
  if (!variable) throw InternalError("expression of a variable that is null");
  const Type type = variable->type;
  return make({.kind = ExprNode::Kind::variable, .type = type, .variable = std::move(variable)});
}

VariableRef make_variable(std::string name, Type type) {
  return std::make_shared<const Variable>(Variable{std::move(name), type});
}

Expr load(BufferRef buffer, Expr index, Expr predicate) {
  if (!buffer) throw InternalError("load from a buffer that is null");
  const Type type = buffer->type;
  expect(index, Type::index, "index of a load from " + buffer->name);
  std::vector<Expr> args = {std::move(index)};
  if (predicate) {
    expect(predicate, Type::boolean, "predicate of a load from " + buffer->name);
    const auto known = as_integer(predicate);
    if (known == 0) return constant(0, type);
    if (!known) args.push_back(std::move(predicate));
  }
  return make(
      {.kind = ExprNode::Kind::load, .type = type, .args = std::move(args), .buffer = std::move(buffer)});
}

Expr apply(ScalarOp op, std::vector<Expr> args) {
  if (op == ScalarOp::to_unsigned) throw InternalError("to_unsigned needs a result type: use apply_as");
  const Type type = result_type(op, args);
  return make_apply(op, type, std::move(args));
}

Expr apply_as(ScalarOp op, Type type, std::vector<Expr> args) {
  if (op != ScalarOp::to_unsigned) return apply(op, std::move(args));
  result_type(op, args);
  if (type != Type::f32 && type != Type::f64 && type != Type::i64) {
    throw InternalError(fmt::format("to_unsigned does not give {}", name(type)));
  }
  return make_apply(op, type, std::move(args));
}

Expr cast(Expr x, Type to) {
  const Type from = x->type;
  if (from == to) return x;
  if (is_constant(x)) return from_scalar(evaluate_cast({x->integer, x->number}, from, to), to);
  return make({.kind = ExprNode::Kind::cast, .type = to, .args = {std::move(x)}});
}

Expr bitcast(Expr x, Type to) {
  const Type from = x->type;
  if (from == to) return x;
  const auto pair = [&](Type a, Type b) { return (from == a && to == b) || (from == b && to == a); };
  if (!pair(Type::f32, Type::i32) && !pair(Type::f64, Type::i64)) {
    throw InternalError(fmt::format("bitcast from {} to {}", name(from), name(to)));
  }
  if (is_constant(x)) {
    const Scalar value = evaluate_bitcast({x->integer, x->number}, from);
    // A NaN's payload does not survive in a constant.
    if (!std::isnan(value.number) && !std::isnan(x->number)) return from_scalar(value, to);
  }
  return make({.kind = ExprNode::Kind::bitcast, .type = to, .args = {std::move(x)}});
}

Expr context(ContextValue value) {
  return make({.kind = ExprNode::Kind::context, .type = Type::i32, .context = value});
}

Expr operator+(Expr a, Expr b) {
  return apply(ScalarOp::add, {std::move(a), std::move(b)});
}
Expr operator-(Expr a, Expr b) {
  return apply(ScalarOp::sub, {std::move(a), std::move(b)});
}
Expr operator*(Expr a, Expr b) {
  return apply(ScalarOp::mul, {std::move(a), std::move(b)});
}
Expr operator/(Expr a, Expr b) {
  return apply(ScalarOp::div, {std::move(a), std::move(b)});
}
Expr operator%(Expr a, Expr b) {
  return apply(ScalarOp::rem, {std::move(a), std::move(b)});
}
Expr operator+(Expr a, int64_t b) {
  return a + like(b, a);
}
Expr operator-(Expr a, int64_t b) {
  return a - like(b, a);
}
Expr operator*(Expr a, int64_t b) {
  return a * like(b, a);
}
Expr operator/(Expr a, int64_t b) {
  return a / like(b, a);
}
Expr operator%(Expr a, int64_t b) {
  return a % like(b, a);
}
Expr operator<(Expr a, Expr b) {
  return apply(ScalarOp::less, {std::move(a), std::move(b)});
}
Expr operator>=(Expr a, Expr b) {
  return apply(ScalarOp::greater_equal, {std::move(a), std::move(b)});
}
Expr operator==(Expr a, Expr b) {
  return apply(ScalarOp::equal, {std::move(a), std::move(b)});
}
Expr operator&&(Expr a, Expr b) {
  if (!a) return b;
  if (!b) return a;
  return apply(ScalarOp::logical_and, {std::move(a), std::move(b)});
}
Expr operator||(Expr a, Expr b) {
  return apply(ScalarOp::logical_or, {std::move(a), std::move(b)});
}
Expr select(Expr condition, Expr if_true, Expr if_false) {
  return apply(ScalarOp::select, {std::move(condition), std::move(if_true), std::move(if_false)});
}
Expr min(Expr a, Expr b) {
  return apply(ScalarOp::min, {std::move(a), std::move(b)});
}
Expr max(Expr a, Expr b) {
  return apply(ScalarOp::max, {std::move(a), std::move(b)});
}

std::optional<int64_t> as_integer(const Expr& x) {
  return x->kind == ExprNode::Kind::integer ? std::optional(x->integer) : std::nullopt;
}

}  // namespace sinter::loop
