#include <algorithm>
#include <cmath>

#include "passes/schedule/attention_core.h"

// Which keys a block of queries can see: f is taken apart as far as it selects -inf by comparisons that are
// linear in the query's and the key's index.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;

namespace {

bool is_number(Value value, double number) {
  while (value.op->code == OpCode::broadcast || value.op->code == OpCode::reshape) {
    value = value.op->operands[0];
  }
  return value.op->code == OpCode::constant && value.op->attributes.has("value") &&
         graph::is_floating(value.dtype()) && value.op->attributes.number("value") == number;
}

bool is_minus_infinity(Value value) {
  return is_number(value, -std::numeric_limits<double>::infinity());
}

// query * q + key * k + rest, of index type; `rest` does not depend on either.
struct Linear {
  int64_t query = 0, key = 0;
  Expr rest;
};

class Reader {
 public:
  Reader(loop::VariableRef query, loop::VariableRef key) : query_(std::move(query)), key_(std::move(key)) {}

  std::optional<Linear> read(const Expr& x) const {
    if (x->kind == ExprNode::Kind::variable && x->variable == query_) return Linear{1, 0, loop::integer(0)};
    if (x->kind == ExprNode::Kind::variable && x->variable == key_) return Linear{0, 1, loop::integer(0)};
    if (loop::is_floating(x->type) || x->type == loop::Type::boolean) return std::nullopt;
    if (!depends(x)) return Linear{0, 0, loop::cast(x, loop::Type::index)};
    if (x->kind == ExprNode::Kind::cast) return read(x->args[0]);
    if (x->kind != ExprNode::Kind::apply) return std::nullopt;
    switch (x->op) {
      case ScalarOp::add:
      case ScalarOp::sub:
      case ScalarOp::mul:
        break;
      case ScalarOp::neg:
        if (const auto a = read(x->args[0])) return times(*a, -1);
        return std::nullopt;
      default:
        return std::nullopt;
    }
    const auto a = read(x->args[0]), b = read(x->args[1]);
    if (!a || !b) return std::nullopt;
    if (x->op == ScalarOp::add) return plus(*a, *b);
    if (x->op == ScalarOp::sub) return plus(*a, times(*b, -1));
    if (const auto factor = constant(*b)) return times(*a, *factor);
    if (const auto factor = constant(*a)) return times(*b, *factor);
    return std::nullopt;
  }

  static Linear plus(const Linear& a, const Linear& b) {
    return {a.query + b.query, a.key + b.key, a.rest + b.rest};
  }
  static Linear times(const Linear& a, int64_t factor) {
    return {a.query * factor, a.key * factor, a.rest * factor};
  }

 private:
  static std::optional<int64_t> constant(const Linear& a) {
    return a.query == 0 && a.key == 0 ? loop::as_integer(a.rest) : std::nullopt;
  }
  bool depends(const Expr& x) const {
    if (x->kind == ExprNode::Kind::variable) return x->variable == query_ || x->variable == key_;
    return std::ranges::any_of(x->args, [&](const Expr& arg) { return depends(arg); });
  }

  loop::VariableRef query_, key_;
};

class Visible {
 public:
  Visible(AttentionCore& tile, const QueryRows& rows)
      : tile_(tile),
        rows_(rows),
        query_(tile.loader().variable("query", tile.queries())),
        key_(tile.loader().variable("key", tile.keys())),
        reader_(query_, key_),
        low_(loop::integer(0)),
        high_(loop::integer(tile.keys())) {}

  Index start(const Index& outer) const {
    return tile_.at(outer, loop::variable(query_), loop::variable(key_));
  }

  // Where `value` at `at` is not -inf.
  void of_scores(Value value, const Index& at) {
    const Op& op = *value.op;
    if (op.code == OpCode::select) {
      if (is_minus_infinity(op.operands[2])) {
        of_condition(op.operands[0], at, true);
        of_scores(op.operands[1], at);
      } else if (is_minus_infinity(op.operands[1])) {
        of_condition(op.operands[0], at, false);
        of_scores(op.operands[2], at);
      }
    } else if (op.code == OpCode::add) {
      of_scores(op.operands[0], at);
      of_scores(op.operands[1], at);
    } else if (op.code == OpCode::sub) {
      of_scores(op.operands[0], at);
    } else if (is_plain_view(op)) {
      of_scores(op.operands[0], view_of(op).source(at, tile_.loader().ranges()));
    }
  }

  std::pair<Expr, Expr> range() const { return {low_, high_}; }

 private:
  void of_condition(Value value, const Index& at, bool holds) {
    const Op& op = *value.op;
    if (is_plain_view(op)) {
      return of_condition(op.operands[0], view_of(op).source(at, tile_.loader().ranges()), holds);
    }
    if (op.code == OpCode::logical_not) return of_condition(op.operands[0], at, !holds);
    if (op.code == (holds ? OpCode::logical_and : OpCode::logical_or)) {
      of_condition(op.operands[0], at, holds);
      of_condition(op.operands[1], at, holds);
      return;
    }
    switch (op.code) {
      case OpCode::less:
        return holds ? at_most(op, at, false, -1) : at_most(op, at, true, 0);
      case OpCode::less_equal:
        return holds ? at_most(op, at, false, 0) : at_most(op, at, true, -1);
      case OpCode::greater:
        return holds ? at_most(op, at, true, -1) : at_most(op, at, false, 0);
      case OpCode::greater_equal:
        return holds ? at_most(op, at, true, 0) : at_most(op, at, false, -1);
      case OpCode::equal:
        if (!holds) return;
        at_most(op, at, false, 0);
        return at_most(op, at, true, 0);
      default:
        return;
    }
  }

  // lhs - rhs <= most; with `swapped`, rhs - lhs.
  void at_most(const Op& op, const Index& at, bool swapped, int64_t most) {
    if (graph::is_floating(op.operands[0].dtype())) return;
    const auto read = [&](size_t operand) { return reader_.read(tile_.element(op.operands[operand], at)); };
    const auto a = read(swapped ? 1 : 0), b = read(swapped ? 0 : 1);
    if (!a || !b) return;
    const Linear difference = Reader::plus(*a, Reader::times(*b, -1));
    // key * k <= bound, or key * k >= bound, where `bound` is the loosest of any query in the block.
    if (std::abs(difference.key) != 1) return;
    const bool from_above = difference.key == 1;
    const Linear bound = from_above ? Reader::times(difference, -1) : difference;
    const int64_t slack = from_above ? most : -most;
    const bool last = from_above == (bound.query > 0);
    const Expr query = last ? rows_.first + (rows_.count - 1) : rows_.first;
    const Expr limit = tile_.loader().simplify(query * bound.query + bound.rest + slack);
    if (from_above) {
      high_ = loop::min(high_, limit + 1);
    } else {
      low_ = loop::max(low_, limit);
    }
  }

  AttentionCore& tile_;
  QueryRows rows_;
  loop::VariableRef query_, key_;
  Reader reader_;
  Expr low_, high_;
};

}  // namespace

std::pair<Expr, Expr> AttentionCore::visible_keys(const Index& outer, const QueryRows& rows) {
  Visible visible(*this, rows);
  Loader::Scope scope(loader_);
  visible.of_scores(parts_.masked(), visible.start(outer));
  const auto [low, high] = visible.range();
  const Expr most = loop::integer(keys_);
  return {loop::min(low, most), loop::max(high, loop::integer(0))};
}

}  // namespace sinter::passes
