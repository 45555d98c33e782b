#include "ir/loop/affine.h"

#include <algorithm>
#include <bit>
#include <compare>
#include <numeric>
#include <tuple>

namespace sinter::loop {
namespace {

int64_t floor_quotient(int64_t x, int64_t y) {
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

// Variables and buffers by name, so that orders do not change from run to run.
template <typename T>
std::strong_ordering compare_named(const T& a, const T& b) {
  if (a == b) return std::strong_ordering::equal;
  if (!a || !b) return a ? std::strong_ordering::greater : std::strong_ordering::less;
  const int names = a->name.compare(b->name);
  return names != 0 ? names <=> 0 : std::compare_three_way()(a.get(), b.get());
}

// A total order in which expressions built alike are equal.
std::strong_ordering compare(const Expr& a, const Expr& b) {
  if (a.get() == b.get()) return std::strong_ordering::equal;
  const auto key = [](const ExprNode& x) {
    return std::tuple(x.kind, x.type, x.op, x.integer, x.context, std::bit_cast<int64_t>(x.number),
                      x.args.size());
  };
  if (const auto order = key(*a) <=> key(*b); order != 0) return order;
  if (const auto order = compare_named(a->variable, b->variable); order != 0) return order;
  if (const auto order = compare_named(a->buffer, b->buffer); order != 0) return order;
  return std::lexicographical_compare_three_way(a->args.begin(), a->args.end(), b->args.begin(),
                                                b->args.end(), compare);
}

}  // namespace

bool same(const Expr& a, const Expr& b) {
  return compare(a, b) == 0;
}

bool ExprLess::operator()(const Expr& a, const Expr& b) const {
  return compare(a, b) < 0;
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

// Greatest coefficients first; terms that are added, then those that are subtracted, then the constant.
Expr Sum::expr() const {
  std::vector<Term> sorted = terms;
  std::sort(sorted.begin(), sorted.end(), [](const Term& a, const Term& b) {
    const int64_t x = std::abs(a.coefficient), y = std::abs(b.coefficient);
    return x != y ? x > y : compare(a.atom, b.atom) < 0;
  });
  Expr result;
  for (const Term& term : sorted) {
    if (term.coefficient < 0) continue;
    const Expr scaled = term.atom * term.coefficient;
    result = result ? result + scaled : scaled;
  }
  for (const Term& term : sorted) {
    if (term.coefficient > 0) continue;
    result = result ? result - term.atom * -term.coefficient : term.atom * term.coefficient;
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
  parts.quotient.constant = floor_quotient(sum.constant + bounds.low, divisor);
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
