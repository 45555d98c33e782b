#pragma once

#include "ir/loop/range.h"

namespace sinter::loop {

// Whether `x` differs wherever one of the variables in it does, within their ranges: it is a sum of multiples
// of their digits, x, x/a, x%n and x/a%n, of which each variable has all, and no digit reaches the next
// multiple. False where it is not seen to be.
bool is_injective(const Expr& x, const RangeMap& ranges);

}  // namespace sinter::loop
