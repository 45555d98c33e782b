#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/loop/affine.h"
#include "ir/loop/range.h"
#include "passes/schedule/attention/core.h"

// Which keys a block of queries can see: f is taken apart as far as it selects -inf by comparisons that are
// linear in the query's and the key's index, and what they compare does not wrap around: what is read at run
// time is looked at there.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;
using loop::ExprNode;
using loop::Interval;
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

// Of this magnitude, some numbers more or less are still far from the ends of an i32, and of an index.
constexpr int64_t kFar = int64_t{1} << 28;

// factor * value, of an integer type, which depends on neither query nor key. Outside of `low` .. `high` what
// is said with it does not hold.
struct Term {
  Expr value;
  int64_t factor;
  int64_t low, high;
  bool holds_always;  // the bounds are those of all that it may be
};

// query * q + key * k + constant + the sum of terms, in whole numbers, not in a type's.
struct Linear {
  int64_t query = 0, key = 0, constant = 0;
  std::vector<Term> terms;

  // a * x + b * y; nothing where the numbers grow out of an int64_t.
  static std::optional<Linear> sum(const Linear& x, int64_t a, const Linear& y, int64_t b) {
    Linear result;
    bool fits = true;
    const auto add = [&](int64_t Linear::*part) {
      int64_t from_x = 0, from_y = 0;
      fits = fits && !__builtin_mul_overflow(x.*part, a, &from_x) &&
             !__builtin_mul_overflow(y.*part, b, &from_y) &&
             !__builtin_add_overflow(from_x, from_y, &(result.*part));
    };
    for (const auto part : {&Linear::query, &Linear::key, &Linear::constant}) add(part);
    for (const auto& [from, factor] : {std::pair(&x, a), std::pair(&y, b)}) {
      for (Term term : from->terms) {
        fits = fits && !__builtin_mul_overflow(term.factor, factor, &term.factor);
        const auto same = std::ranges::find_if(
            result.terms, [&](const Term& other) { return loop::same(other.value, term.value); });
        if (same == result.terms.end()) {
          result.terms.push_back(term);
        } else {
          fits = fits && !__builtin_add_overflow(same->factor, term.factor, &same->factor);
          same->low = std::max(same->low, term.low);
          same->high = std::min(same->high, term.high);
          same->holds_always = same->holds_always && term.holds_always;
        }
      }
    }
    return fits ? std::optional(std::move(result)) : std::nullopt;
  }

  void keep_near(Term& term) const {
    term.holds_always = term.holds_always && term.low >= -kFar && term.high <= kFar;
    term.low = std::max(term.low, -kFar);
    term.high = std::min(term.high, kFar);
  }
};

class Reader {
 public:
  Reader(loop::VariableRef query, loop::VariableRef key, const loop::RangeMap& ranges)
      : query_(std::move(query)), key_(std::move(key)), ranges_(ranges) {}

  std::optional<Linear> read(const Expr& x) const {
    if (loop::is_floating(x->type) || x->type == loop::Type::boolean) return std::nullopt;
    if (const auto value = loop::as_integer(x)) return Linear{0, 0, *value, {}};
    if (x->kind == ExprNode::Kind::variable && x->variable == query_) return Linear{1, 0, 0, {}};
    if (x->kind == ExprNode::Kind::variable && x->variable == key_) return Linear{0, 1, 0, {}};
    if (!depends(x)) {
      const Interval bounds = bounds_of(x);
      return Linear{0, 0, 0, {{x, 1, bounds.low, bounds.high, true}}};
    }
    if (x->kind == ExprNode::Kind::cast) return in_type(read(x->args[0]), x->type);
    if (x->kind != ExprNode::Kind::apply) return std::nullopt;
    const bool is_neg = x->op == ScalarOp::neg;
    if (!is_neg && x->op != ScalarOp::add && x->op != ScalarOp::sub && x->op != ScalarOp::mul)
      return std::nullopt;
    const auto a = read(x->args[0]), b = is_neg ? Linear{} : read(x->args[1]);
    if (!a || !b) return std::nullopt;
    if (is_neg) return in_type(Linear::sum(*a, -1, *b, 0), x->type);
    if (x->op == ScalarOp::add) return in_type(Linear::sum(*a, 1, *b, 1), x->type);
    if (x->op == ScalarOp::sub) return in_type(Linear::sum(*a, 1, *b, -1), x->type);
    if (is_constant(*b)) return in_type(Linear::sum(*a, b->constant, {}, 0), x->type);
    if (is_constant(*a)) return in_type(Linear::sum(*b, a->constant, {}, 0), x->type);
    return std::nullopt;
  }

  // All that x may be, whatever query, key and terms are within their bounds.
  Interval interval(const Linear& x) const {
    Interval result =
        Interval{x.constant, x.constant} + of_variable(query_) * x.query + of_variable(key_) * x.key;
    for (const Term& term : x.terms) result = result + Interval{term.low, term.high} * term.factor;
    return result;
  }

 private:
  static bool is_constant(const Linear& x) { return x.query == 0 && x.key == 0 && x.terms.empty(); }

  Interval of_variable(const loop::VariableRef& variable) const {
    return {ranges_.at(variable).begin, ranges_.at(variable).end - 1};
  }

  // A number of a type, which wraps around: the whole number where it cannot, with the terms in narrower
  // bounds if need be.
  std::optional<Linear> in_type(std::optional<Linear> x, loop::Type type) const {
    if (!x || type == loop::Type::index || fits(interval(*x), type)) return x;
    for (Term& term : x->terms) x->keep_near(term);
    return fits(interval(*x), type) ? x : std::nullopt;
  }

  static Interval of_type(loop::Type type) {
    if (type != loop::Type::i32) return {};
    return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
  // The ends of an Interval may be any number beyond.
  static bool fits(Interval x, loop::Type type) {
    const Interval whole = of_type(type);
    return x.bounded_below() && x.bounded_above() && x.within(whole.low, whole.high);
  }

  Interval bounds_of(const Expr& x) const {
    const Interval bounds = loop::interval_of(x, ranges_);
    return x->type == loop::Type::index || fits(bounds, x->type) ? bounds : of_type(x->type);
  }

  bool depends(const Expr& x) const {
    if (x->kind == ExprNode::Kind::variable) return x->variable == query_ || x->variable == key_;
    return std::ranges::any_of(x->args, [&](const Expr& arg) { return depends(arg); });
  }

  loop::VariableRef query_, key_;
  const loop::RangeMap& ranges_;
};

class Visible {
 public:
  Visible(AttentionCore& tile, const QueryRows& rows)
      : tile_(tile),
        rows_(rows),
        query_(tile.loader().variable("query", tile.queries())),
        key_(tile.loader().variable("key", tile.keys())),
        reader_(query_, key_, tile.loader().ranges()),
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
    } else if (loop::is_plain_view(op)) {
      of_scores(op.operands[0], source(op, at));
    }
  }

  std::pair<Expr, Expr> range() const { return {low_, high_}; }

 private:
  Index source(const Op& view, const Index& at) const {
    return loop::source_of(view, at, tile_.loader().ranges()).index;
  }

  void of_condition(Value value, const Index& at, bool holds) {
    const Op& op = *value.op;
    if (loop::is_plain_view(op)) {
      return of_condition(op.operands[0], source(op, at), holds);
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
    // key <= bound, or key >= bound, where `bound` is the loosest of any query in the block.
    const auto difference = Linear::sum(*a, 1, *b, -1);
    if (!difference || std::abs(difference->key) != 1) return;
    const bool from_above = difference->key == 1;
    auto bound = Linear::sum(*difference, from_above ? -1 : 1, Linear{0, 0, most, {}}, from_above ? 1 : -1);
    if (!bound) return;
    const bool last = from_above == (bound->query > 0);
    const Expr query = last ? rows_.first + (rows_.count - 1) : rows_.first;
    bound->key = 0;
    Expr holds;
    const auto rest = index_of(*bound, holds);
    if (!rest) return;
    const auto limit = [&](const Expr& x, int64_t otherwise) {
      const Expr known = tile_.loader().simplify(x);
      return holds ? loop::select(holds, known, loop::integer(otherwise)) : known;
    };
    if (from_above) {
      high_ = loop::min(high_, limit(query * bound->query + *rest + 1, tile_.keys()));
    } else {
      low_ = loop::max(low_, limit(query * bound->query + *rest, 0));
    }
  }

  // The constant and terms of a bound of keys as an index, where `holds` is true. What is further away than
  // any key may be nearer there.
  std::optional<Expr> index_of(Linear& bound, Expr& holds) const {
    const auto is_wide = [](const Term& term) { return term.low < -kFar || term.high > kFar; };
    if (std::ranges::count_if(bound.terms, is_wide) > 1) {
      for (Term& term : bound.terms) bound.keep_near(term);
    }
    const auto wide = std::ranges::find_if(bound.terms, is_wide);
    if (wide != bound.terms.end() && std::abs(wide->factor) != 1) bound.keep_near(*wide);
    Linear others = bound;
    std::erase_if(others.terms, is_wide);
    const Interval reach = reader_.interval(others);
    if (!reach.within(-kFar, kFar)) return std::nullopt;
    const int64_t far = std::max(reach.high, -reach.low) + tile_.keys() + 1;
    Expr sum = loop::integer(bound.constant);
    for (const Term& term : bound.terms) {
      const loop::Type type = term.value->type;
      const auto number = [&](int64_t x) { return loop::integer(x, type); };
      Expr value = term.value;
      if (is_wide(term)) value = loop::min(loop::max(value, number(-far)), number(far));
      if (!term.holds_always) holds = holds && value >= number(term.low) && number(term.high) >= value;
      sum = sum + loop::cast(value, loop::Type::index) * term.factor;
    }
    return sum;
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
