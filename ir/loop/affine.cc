#include "ir/loop/affine.h"

#include <algorithm>
#include <numeric>

namespace sinter::loop {
namespace {

int64_t floor_div(int64_t x, int64_t y) {
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

}  // namespace

bool same(const Expr& a, const Expr& b) {
  if (a.get() == b.get()) return true;
  const bool alike = a->kind == b->kind && a->type == b->type && a->op == b->op && a->integer == b->integer &&
                     a->context == b->context && a->variable == b->variable && a->buffer == b->buffer &&
                     a->args.size() == b->args.size() && a->number == b->number;
  return alike && std::equal(a->args.begin(), a->args.end(), b->args.begin(), same);
}

void Sum::add(int64_t coefficient, const Expr& atom) {
  if (coefficient == 0) return;
  if (const auto value = as_integer(atom)) {
    constant += coefficient * *value;
    return;
  }
  const auto term =
      std::find_if(terms.begin(), terms.end(), [&](const Term& t) { return same(t.atom, atom); });
  if (term == terms.end()) {
    terms.push_back({coefficient, atom});
  } else if ((term->coefficient += coefficient) == 0) {
    terms.erase(term);
  }
}

void Sum::add(const Sum& other, int64_t factor) {
  for (const Term& term : other.terms) add(term.coefficient * factor, term.atom);
  constant += other.constant * factor;
}

// Terms that are added, then those that are subtracted, then the constant.
Expr Sum::expr() const {
  Expr result;
  const auto append = [&](const Expr& x) { result = result ? result + x : x; };
  for (const Term& term : terms) {
    if (term.coefficient > 0) append(term.atom * term.coefficient);
  }
  for (const Term& term : terms) {
    if (term.coefficient >= 0) continue;
    if (result) {
      result = result - term.atom * -term.coefficient;
    } else {
      result = term.atom * term.coefficient;
    }
  }
  return result ? result + constant : integer(constant);
}

Interval Sum::interval(const RangeMap& ranges) const {
  Interval result{constant, constant};
  for (const Term& term : terms) result = result + interval_of(term.atom, ranges) * term.coefficient;
  return result;
}

std::optional<Division> divide_terms(const Sum& sum, int64_t divisor, const RangeMap& ranges) {
  Division parts;
  for (const Sum::Term& term : sum.terms) {
    if (term.coefficient % divisor == 0) {
      parts.quotient.add(term.coefficient / divisor, term.atom);
    } else {
      parts.rest.terms.push_back(term);
    }
  }
  const Interval bounds = parts.rest.interval(ranges);
  if (!bounds.bounded_below()) return std::nullopt;
  parts.quotient.constant = floor_div(sum.constant + bounds.low, divisor);
  parts.rest.constant = sum.constant - parts.quotient.constant * divisor;
  return parts;
}

std::optional<std::pair<int64_t, Division>> common_factor(const Sum& sum, int64_t whole,
                                                          const RangeMap& ranges) {
  std::vector<int64_t> factors;
  for (const Sum::Term& term : sum.terms) {
    factors.push_back(whole == 0 ? std::abs(term.coefficient) : std::gcd(term.coefficient, whole));
  }
  std::sort(factors.begin(), factors.end(), std::greater<>());
  for (const int64_t factor : factors) {
    if (factor == 1 || factor == whole) continue;
    auto parts = divide_terms(sum, factor, ranges);
    if (parts && parts->rest.interval(ranges).within(0, factor - 1))
      return std::pair(factor, *std::move(parts));
  }
  return std::nullopt;
}

}  // namespace sinter::loop
