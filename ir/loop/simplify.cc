#include "ir/loop/simplify.h"

#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "ir/loop/affine.h"
#include "ir/loop/fold.h"
#include "ir/loop/walk.h"

namespace sinter::loop {
namespace {

// The divisor of x / d or x % d, where it is a constant above 0; else 0.
int64_t divisor_of(const Expr& x, ScalarOp op) {
  const auto divisor = is_apply(x, op) ? as_integer(x->args[1]) : std::nullopt;
  return divisor && *divisor > 0 ? *divisor : 0;
}

class Simplifier {
 public:
  explicit Simplifier(const RangeMap& ranges) : ranges_(ranges) {}

  Expr simplify(const Expr& x) {
    if (x->args.empty() && x->kind != ExprNode::Kind::variable) return x;
    const auto found = done_.find(x.get());
    if (found != done_.end()) return found->second.result;
    Expr result = simplify_node(x);
    done_.insert_or_assign(x.get(), Done<Expr>{x, result});
    return result;
  }

 private:
  Expr simplify_node(const Expr& x) {
    if (x->kind == ExprNode::Kind::variable) {
      const Interval value = interval_of(x, ranges_);
      return value.low == value.high ? integer(value.low, x->type) : x;
    }
    if (is_sum(x)) return sum_of(x).expr();
    if (x->kind == ExprNode::Kind::apply && x->args.size() == 2 && x->args[0]->type == Type::index) {
      if (Expr decided = decide(x)) return decided;
    }
    std::vector<Expr> args;
    for (const Expr& arg : x->args) args.push_back(simplify(arg));
    return with_args(*x, std::move(args));
  }

  static bool is_sum(const Expr& x) {
    if (x->kind != ExprNode::Kind::apply || x->type != Type::index) return false;
    switch (x->op) {
      case ScalarOp::add:
      case ScalarOp::sub:
      case ScalarOp::neg:
      case ScalarOp::mul:
      case ScalarOp::div:
      case ScalarOp::rem:
        return true;
      default:
        return false;
    }
  }

  Sum sum_of(const Expr& x) {
    if (!is_sum(x)) {
      const Expr atom = simplify(x);
      if (is_sum(atom)) return sum_of(atom);
      Sum sum;
      sum.add(1, atom);
      return sum;
    }
    const auto found = sums_.find(x.get());
    if (found != sums_.end()) return found->second.result;
    Sum sum = take_apart(x);
    sums_.insert_or_assign(x.get(), Done<Sum>{x, sum});
    return sum;
  }

  Sum take_apart(const Expr& x) {
    Sum sum;
    const Sum a = sum_of(x->args[0]);
    if (x->op == ScalarOp::neg) {
      sum.add(a, -1);
      return sum;
    }
    const Sum b = sum_of(x->args[1]);
    switch (x->op) {
      case ScalarOp::mul:
        return product(a, b);
      case ScalarOp::div:
      case ScalarOp::rem:
        if (b.terms.empty() && b.constant > 0) {
          return x->op == ScalarOp::div ? quotient(a, b.constant) : remainder(a, b.constant);
        }
        sum.add(1, apply(x->op, {a.expr(), b.expr()}));
        return sum;
      default:
        sum.add(a);
        sum.add(b, x->op == ScalarOp::sub ? -1 : 1);
        recombine(sum);
        return sum;
    }
  }

  static Sum product(const Sum& a, const Sum& b) {
    Sum sum;
    if (b.terms.empty()) {
      sum.add(a, b.constant);
    } else if (a.terms.empty()) {
      sum.add(b, a.constant);
    } else {
      sum.add(1, a.expr() * b.expr());
    }
    return sum;
  }

  Sum quotient(const Sum& whole, int64_t d) {
    if (d == 1) return whole;
    Division parts;
    if (auto split = divide_terms(whole, d, ranges_)) {
      parts = *std::move(split);
    } else {
      parts.rest = whole;
    }
    Sum& result = parts.quotient;
    const Sum& rest = parts.rest;
    if (rest.interval(ranges_).within(0, d - 1)) return result;
    if (const auto factored = common_factor(rest, d, ranges_)) {
      result.add(quotient(factored->second.quotient, d / factored->first));
    } else if (const auto nested = nested_quotient(rest, d)) {
      result.add(*nested);
    } else {
      result.add(1, rest.expr() / d);
    }
    return result;
  }

  // (y/a + c) / d is (y + a*c) / (a*d), and (y%m) / d is (y/d) % (m/d) where d divides m.
  std::optional<Sum> nested_quotient(const Sum& rest, int64_t d) {
    if (rest.terms.size() != 1 || rest.terms[0].coefficient != 1) return std::nullopt;
    const Expr& atom = rest.terms[0].atom;
    if (const int64_t inner = divisor_of(atom, ScalarOp::div)) {
      Sum operand = sum_of(atom->args[0]);
      operand.constant += rest.constant * inner;
      return quotient(operand, inner * d);
    }
    const int64_t modulus = divisor_of(atom, ScalarOp::rem);
    if (modulus == 0 || modulus % d != 0 || rest.constant != 0) return std::nullopt;
    return remainder(quotient(sum_of(atom->args[0]), d), modulus / d);
  }

  Sum remainder(const Sum& whole, int64_t d) {
    if (d == 1) return {};
    const auto split = divide_terms(whole, d, ranges_);
    Sum rest = split ? split->rest : whole;
    if (rest.interval(ranges_).within(0, d - 1)) return rest;
    for (const Sum::Term& term : rest.terms) {
      // What a remainder drops, this one drops as well: (16*(y%4) + z) % 64 is (16*y + z) % 64.
      const int64_t modulus = divisor_of(term.atom, ScalarOp::rem);
      if (modulus == 0 || term.coefficient < 0 || term.coefficient * modulus % d != 0) continue;
      const Sum operand = sum_of(term.atom->args[0]);
      if (operand.interval(ranges_).low < 0) continue;
      Sum wider = rest;
      wider.add(-term.coefficient, term.atom);
      wider.add(operand, term.coefficient);
      return remainder(wider, d);
    }
    Sum result;
    if (const auto factored = common_factor(rest, d, ranges_)) {
      result.add(remainder(factored->second.quotient, d / factored->first), factored->first);
      result.add(factored->second.rest);
      recombine(result);
    } else {
      result.add(1, rest.expr() % d);
    }
    return result;
  }

  // (y/d)*d + y%d is y, and ((z + y/d)%m)*d + y%d is (d*z + y) % (d*m).
  void recombine(Sum& sum) {
    for (size_t i = 0; i < sum.terms.size(); ++i) {
      const auto [coefficient, low] = sum.terms[i];
      const int64_t d = divisor_of(low, ScalarOp::rem);
      if (d == 0) continue;
      const Sum operand = sum_of(low->args[0]);
      const Sum high = quotient(operand, d);
      if (!high.is_atom()) continue;
      for (const Sum::Term& term : sum.terms) {
        if (term.coefficient != coefficient * d) continue;
        const auto both = joined(operand, d, high.terms[0].atom, term.atom);
        if (!both) continue;
        const Expr other = term.atom;
        sum.add(-coefficient, low);
        sum.add(-coefficient * d, other);
        sum.add(*both, coefficient);
        return recombine(sum);
      }
    }
  }

  // For y, d, and `high` = y/d: other*d + y%d, where `other` is high or (z + high)%m.
  std::optional<Sum> joined(const Sum& y, int64_t d, const Expr& high, const Expr& other) {
    if (same(other, high)) return y;
    const int64_t modulus = divisor_of(other, ScalarOp::rem);
    if (modulus == 0) return std::nullopt;
    Sum z = sum_of(other->args[0]);
    const size_t terms = z.terms.size();
    z.add(-1, high);
    if (z.terms.size() >= terms) return std::nullopt;  // it does not hold `high` once
    Sum whole = y;
    whole.add(z, d);
    return remainder(whole, d * modulus);
  }

  // min, max and comparisons of indices, by the range of the difference; null where it does not tell.
  Expr decide(const Expr& x) {
    Sum difference = sum_of(x->args[0]);
    difference.add(sum_of(x->args[1]), -1);
    const Interval range = difference.interval(ranges_);
    Sum negated;
    negated.add(difference, -1);
    switch (x->op) {
      case ScalarOp::min:
      case ScalarOp::max: {
        if (range.low < 0 && range.high > 0) return nullptr;
        const bool first = (x->op == ScalarOp::min) == (range.high <= 0);
        return simplify(x->args[first ? 0 : 1]);
      }
      case ScalarOp::equal:
      case ScalarOp::not_equal:
        if (range.low == 0 && range.high == 0) return boolean(x->op == ScalarOp::equal);
        return range.low > 0 || range.high < 0 ? boolean(x->op == ScalarOp::not_equal) : nullptr;
      case ScalarOp::less:
        return sign_test(difference, true);
      case ScalarOp::greater_equal:
        return sign_test(difference, false);
      case ScalarOp::greater:
        return sign_test(negated, true);
      case ScalarOp::less_equal:
        return sign_test(negated, false);
      default:
        return nullptr;
    }
  }

  // Whether the sum is negative, or else whether it is not. g*q + r with r in [0, g) has the sign of q.
  Expr sign_test(const Sum& sum, bool negative) {
    const Interval range = sum.interval(ranges_);
    if (range.high < 0) return boolean(negative);
    if (range.low >= 0) return boolean(!negative);
    const auto factored = common_factor(sum, 0, ranges_);
    if (!factored) return nullptr;
    const Sum& high = factored->second.quotient;
    Sum left, right;
    for (const auto& [coefficient, atom] : high.terms) {
      (coefficient > 0 ? left : right).add(std::abs(coefficient), atom);
    }
    (high.constant > 0 ? left : right).constant = std::abs(high.constant);
    return negative ? left.expr() < right.expr() : left.expr() >= right.expr();
  }

  // A result, and the expression it is of, so that its address stays its own.
  template <typename T>
  struct Done {
    Expr of;
    T result;
  };

  const RangeMap& ranges_;
  std::unordered_map<const ExprNode*, Done<Expr>> done_;
  std::unordered_map<const ExprNode*, Done<Sum>> sums_;
};

class Substitution final : public Rewriter {
 public:
  explicit Substitution(const std::unordered_map<VariableRef, Expr>& values) : values_(values) {}

 private:
  Expr rewritten(const ExprNode& x, const std::vector<Expr>&) override {
    const auto value = x.kind == ExprNode::Kind::variable ? values_.find(x.variable) : values_.end();
    return value == values_.end() ? nullptr : value->second;
  }

  const std::unordered_map<VariableRef, Expr>& values_;
};

}  // namespace

Expr simplify(const Expr& x, const RangeMap& ranges) {
  return Simplifier(ranges).simplify(x);
}

std::optional<AffineIn> affine_in(const Expr& x, const VariableRef& variable) {
  if (!depends_on(x, variable)) return AffineIn{0, x};
  if (x->kind == ExprNode::Kind::variable) return AffineIn{1, integer(0, x->type)};
  if (x->kind != ExprNode::Kind::apply || x->type != Type::index) return std::nullopt;
  const auto a = affine_in(x->args[0], variable);
  if (!a) return std::nullopt;
  if (x->op == ScalarOp::neg) return AffineIn{-a->coefficient, integer(0) - a->rest};
  if (x->op == ScalarOp::mul) {
    const auto factor = as_integer(x->args[1]);
    if (!factor) return std::nullopt;
    return AffineIn{a->coefficient * *factor, a->rest * *factor};
  }
  if (x->op != ScalarOp::add && x->op != ScalarOp::sub) return std::nullopt;
  const auto b = affine_in(x->args[1], variable);
  if (!b) return std::nullopt;
  if (x->op == ScalarOp::add) return AffineIn{a->coefficient + b->coefficient, a->rest + b->rest};
  return AffineIn{a->coefficient - b->coefficient, a->rest - b->rest};
}

Expr substitute(const Expr& x, const std::unordered_map<VariableRef, Expr>& values) {
  return Substitution(values)(x);
}

}  // namespace sinter::loop
