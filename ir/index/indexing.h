#pragma once

#include <vector>

#include "ir/graph/type.h"
#include "ir/loop/expr.h"
#include "ir/loop/simplify.h"

// Index arithmetic between tensors and the memory under them.
namespace sinter::loop {

using Index = std::vector<Expr>;  // one expression an axis

// An index that stands for any: a variable for each axis, whose ranges are added to `ranges`, and 0 along
// axes of extent 1.
struct FreshIndex {
  Index at;
  std::vector<VariableRef> variables;
};
FreshIndex fresh_index(const graph::Shape& shape, RangeMap& ranges);

// Row-major position of `index` in `shape`, and back. Positions are simplified with what is known of the
// ranges of the variables in them.
Expr linearize(const Index& index, const graph::Shape& shape);
Index delinearize(const Expr& position, const graph::Shape& shape, const RangeMap& ranges);

// The index into a tensor of shape `from` for one into the same elements in shape `to`. Axes that both sides
// share map one to one; only the groups that really change are taken apart.
Index reshape_index(const Index& index, const graph::Shape& from, const graph::Shape& to,
                    const RangeMap& ranges);

}  // namespace sinter::loop
