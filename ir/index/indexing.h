#pragma once

#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/expr.h"
#include "ir/loop/simplify.h"

// Index arithmetic between tensors and the memory under them.
namespace sinter::loop {

using Index = std::vector<loop::Expr>;  // one expression an axis

// Row-major position of `index` in `shape`, and back. Positions are simplified with what is known of the
// ranges of the variables in them.
loop::Expr linearize(const Index& index, const graph::Shape& shape);
Index delinearize(const loop::Expr& position, const graph::Shape& shape, const loop::RangeMap& ranges);

// The shortest runs of axes with equal products on both sides of a reshape.
struct AxisRun {
  size_t begin, end;
};
std::vector<std::pair<AxisRun, AxisRun>> reshape_runs(const graph::Shape& from, const graph::Shape& to);

// The index into the operand of a reshape from `from` to `to`, for an index into its result. Axes that both
// sides share map one to one; only the groups that really change are taken apart.
Index reshape_index(const Index& index, const graph::Shape& from, const graph::Shape& to,
                    const loop::RangeMap& ranges);

}  // namespace sinter::loop
