#pragma once

#include <optional>
#include <vector>

#include "ir/loop/range.h"

namespace sinter::loop {

// Whether two expressions are built alike.
bool same(const Expr& a, const Expr& b);

// A total order, the same in every run, in which those built alike are equal.
struct ExprLess {
  bool operator()(const Expr& a, const Expr& b) const;
};

// constant + sum of coefficient * atom: an index expression taken apart. Atoms differ, coefficients are not
// 0.
struct Sum {
  struct Term {
    int64_t coefficient;
    Expr atom;
  };

  std::vector<Term> terms;
  int64_t constant = 0;

  void add(int64_t coefficient, const Expr& atom);
  void add(const Sum& other, int64_t factor = 1);
  bool is_atom() const { return terms.size() == 1 && terms[0].coefficient == 1 && constant == 0; }

  Expr expr() const;
  Interval interval(const RangeMap& ranges) const;
};

// sum = divisor * quotient + rest.
struct Division {
  Sum quotient;
  Sum rest;
};

// Puts into the quotient what the divisor divides, and as much of the constant as leaves a rest that is not
// negative. Nothing where the ranges do not prove such a rest.
std::optional<Division> divide_terms(const Sum& sum, int64_t divisor, const RangeMap& ranges);

// The same with the greatest divisor of `whole`, below it, that leaves a rest in [0, divisor): sum / whole is
// then quotient / (whole / divisor). Of a `whole` of 0 every number is a divisor.
std::optional<std::pair<int64_t, Division>> common_factor(const Sum& sum, int64_t whole,
                                                          const RangeMap& ranges);

}  // namespace sinter::loop
