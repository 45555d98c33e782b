#pragma once

#include <unordered_set>

#include "ir/loop/expr.h"

namespace sinter::loop {

// The variable of the vector loop around a place, and those bound there to values that differ between lanes.
using VaryingSet = std::unordered_set<VariableRef>;

// Whether `x` stands for one value a lane. A lane reduction is uniform, whatever it reduces.
bool varies(const Expr& x, const VaryingSet& varying);

}  // namespace sinter::loop
