#pragma once

#include <optional>
#include <unordered_map>

#include "ir/loop/range.h"

namespace sinter::loop {

// An equal expression, given what is known of its variables. Index arithmetic becomes a sum of constant *
// term
// + constant; divisions and remainders lose what their ranges show to be superfluous:
//   ((64*i + 8*j + lane) / 16) % 4   with j in [0, 8), lane in [0, 8)   becomes   j/2
//   (x/4)*4 + x%4                                                      becomes   x
// and comparisons that ranges decide become constants. Floating arithmetic stays as it is.
Expr simplify(const Expr& x, const RangeMap& ranges);

// x = coefficient * variable + rest, where neither depends on the variable.
struct AffineIn {
  int64_t coefficient = 0;
  Expr rest;
};

// Nothing where `x` is not of this form, or not seen to be.
std::optional<AffineIn> affine_in(const Expr& x, const VariableRef& variable);

// `x` with expressions in place of variables.
Expr substitute(const Expr& x, const std::unordered_map<VariableRef, Expr>& values);

}  // namespace sinter::loop
