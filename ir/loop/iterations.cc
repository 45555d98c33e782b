#include "ir/loop/iterations.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/loop/simplify.h"
#include "ir/loop/vary.h"

namespace sinter::loop {
namespace {

constexpr int64_t kUnbounded = Interval::kHighest;

int64_t sum(int64_t a, int64_t b) {
  return a > kUnbounded - b ? kUnbounded : a + b;
}

int64_t product(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? kUnbounded : result;
}

bool is_op(const Expr& x, ScalarOp op) {
  return x->kind == ExprNode::Kind::apply && x->op == op;
}

// x as a sum of coefficient * term, to `terms`.
void take_apart(const Expr& x, int64_t coefficient, std::vector<std::pair<int64_t, Expr>>& terms) {
  if (is_op(x, ScalarOp::add) || is_op(x, ScalarOp::sub)) {
    take_apart(x->args[0], coefficient, terms);
    return take_apart(x->args[1], is_op(x, ScalarOp::sub) ? -coefficient : coefficient, terms);
  }
  if (is_op(x, ScalarOp::mul)) {
    if (const auto factor = as_integer(x->args[1]))
      return take_apart(x->args[0], coefficient * *factor, terms);
  }
  terms.emplace_back(coefficient, x);
}

class Count {
 public:
  int64_t of(const Stmt& stmt) {
    switch (stmt->kind) {
      case StmtNode::Kind::block:
        return block(*stmt);
      case StmtNode::Kind::loop:
        return loop(*stmt);
      case StmtNode::Kind::let:
        if (differs(stmt->value)) differing_.insert(stmt->variable);
        if (stmt->variable->type == Type::index) {
          if (const auto range = range_of(interval_of(stmt->value, ranges_)))
            ranges_[stmt->variable] = *range;
        }
        return of(stmt->body[0]);
      case StmtNode::Kind::allocate:
        return of(stmt->body[0]);
      case StmtNode::Kind::branch:
        return branch(*stmt);
      default:
        return 0;
    }
  }

 private:
  static std::optional<Range> range_of(Interval x) {
    if (!x.bounded_above() || x.high == kUnbounded - 1) return std::nullopt;
    return Range{x.low, x.high + 1};
  }

  // Whether lanes may have different values of it.
  bool differs(const Expr& x) const {
    std::unordered_set<const ExprNode*> seen;
    return differs(x, seen);
  }
  bool differs(const Expr& x, std::unordered_set<const ExprNode*>& seen) const {
    if (x->kind == ExprNode::Kind::load) return true;
    if (x->kind == ExprNode::Kind::variable) return differing_.contains(x->variable);
    if (x->args.empty() || !seen.insert(x.get()).second) return false;
    return std::ranges::any_of(x->args, [&](const Expr& arg) { return differs(arg, seen); });
  }

  int64_t block(const StmtNode& s) {
    int64_t total = 0;
    for (const Stmt& child : s.body) total = sum(total, of(child));
    return total;
  }

  // Of a conjunction of comparisons of one variable to constants: for which values it holds.
  std::optional<std::pair<VariableRef, Interval>> taken_for(const Expr& condition) const {
    if (is_op(condition, ScalarOp::logical_and)) {
      const auto a = taken_for(condition->args[0]), b = taken_for(condition->args[1]);
      if (!a || !b || a->first != b->first) return std::nullopt;
      return std::pair(a->first, Interval{std::max(a->second.low, b->second.low),
                                          std::min(a->second.high, b->second.high)});
    }
    if (condition->args.size() != 2 || condition->args[0]->kind != ExprNode::Kind::variable)
      return std::nullopt;
    const auto border = as_integer(condition->args[1]);
    if (!border) return std::nullopt;
    const VariableRef& variable = condition->args[0]->variable;
    if (is_op(condition, ScalarOp::less))
      return std::pair(variable, Interval{Interval::kLowest, *border - 1});
    if (is_op(condition, ScalarOp::greater_equal)) return std::pair(variable, Interval{*border, kUnbounded});
    return std::nullopt;
  }

  int64_t loop(const StmtNode& s) {
    const int64_t extent = std::max<int64_t>(most(s.extent), 0);
    const Interval begin = interval_of(s.begin, ranges_);
    if (const auto range = range_of({begin.low, sum(begin.high, extent) - 1})) ranges_[s.variable] = *range;
    if (s.loop_kind == LoopKind::lane || s.loop_kind == LoopKind::vector || differs(s.begin))
      differing_.insert(s.variable);
    const int64_t body = of(s.body[0]);
    if (s.loop_kind == LoopKind::unrolled) return product(extent, body);
    if (s.loop_kind != LoopKind::serial) return body;
    return sum(product(extent, sum(body, 1)), 1);
  }

  int64_t branch(const StmtNode& s) {
    const auto known = as_integer(simplify(s.condition, ranges_));
    const auto way = [&](size_t i) { return i < s.body.size() ? of(s.body[i]) : 0; };
    if (known) return way(*known != 0 ? 0 : 1);
    const int64_t then = then_way(s), otherwise = way(1);
    return differs(s.condition) ? sum(then, otherwise) : std::max(then, otherwise);
  }

  // Where the condition bounds a variable, it is within those bounds there.
  int64_t then_way(const StmtNode& s) {
    const auto taken = taken_for(s.condition);
    const auto known = taken ? ranges_.find(taken->first) : ranges_.end();
    if (known == ranges_.end()) return of(s.body[0]);
    const Range outside = known->second;
    const auto& [variable, within] = *taken;
    if (const auto range =
            range_of({std::max(outside.begin, within.low), std::min(outside.end - 1, within.high)}))
      ranges_[variable] = *range;
    const int64_t count = of(s.body[0]);
    ranges_[variable] = outside;
    return count;
  }

  // The greatest value of x. What min and max stand between is looked at by itself, so that min(a + 8, n) - a
  // is seen to be 8.
  int64_t most(const Expr& x) const {
    std::vector<std::pair<int64_t, Expr>> terms;
    take_apart(x, 1, terms);
    const auto choice = std::ranges::find_if(terms, [](const auto& term) {
      return is_op(term.second, ScalarOp::min) || is_op(term.second, ScalarOp::max);
    });
    if (choice == terms.end()) return interval_of(simplify(x, ranges_), ranges_).high;
    const Expr chosen = choice->second;
    const bool takes_least = is_op(chosen, ScalarOp::min) == (choice->first > 0);
    int64_t result = takes_least ? kUnbounded : Interval::kLowest;
    for (const Expr& arg : chosen->args) {
      choice->second = arg;
      Expr whole = integer(0);
      for (const auto& [coefficient, term] : terms) whole = whole + term * coefficient;
      const int64_t here = most(whole);
      result = takes_least ? std::min(result, here) : std::max(result, here);
    }
    return result;
  }

  RangeMap ranges_;
  VaryingSet differing_;
};

}  // namespace

int64_t most_iterations(const Kernel& kernel) {
  int64_t most = 0;
  for (const Stmt& part : kernel.parts) most = std::max(most, Count().of(part));
  return most;
}

}  // namespace sinter::loop
