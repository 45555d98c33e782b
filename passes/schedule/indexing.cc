#include "passes/schedule/indexing.h"

namespace sinter::passes {

using loop::Expr;

Expr linearize(const Index& index, const graph::Shape& shape) {
  Expr position = loop::integer(0);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    position = position * shape[axis] + (shape[axis] == 1 ? loop::integer(0) : index[axis]);
  }
  return position;
}

Index delinearize(const Expr& position, const graph::Shape& shape, const loop::RangeMap& ranges) {
  Index index(shape.size());
  Expr rest = position;
  size_t outermost = 0;
  while (outermost < shape.size() && shape[outermost] == 1) ++outermost;
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 1) {
      index[axis] = loop::integer(0);
    } else if (axis == outermost) {
      index[axis] = loop::simplify(rest, ranges);
    } else {
      index[axis] = loop::simplify(rest % shape[axis], ranges);
      rest = loop::simplify(rest / shape[axis], ranges);
    }
  }
  return index;
}

Index reshape_index(const Index& index, const graph::Shape& from, const graph::Shape& to,
                    const loop::RangeMap& ranges) {
  Index result(from.size(), loop::integer(0));
  if (graph::element_count(from) == 0) return result;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    // The shortest runs [i, i_end) and [j, j_end) with equal products.
    size_t i_end = i, j_end = j;
    int64_t from_product = 1, to_product = 1;
    if (i_end < from.size()) from_product = from[i_end++];
    if (j_end < to.size()) to_product = to[j_end++];
    while (from_product != to_product) {
      if (from_product < to_product) {
        from_product *= from[i_end++];
      } else {
        to_product *= to[j_end++];
      }
    }
    if (i_end - i == 1 && j_end - j == 1) {
      result[i] = index[j];
    } else if (i_end > i) {
      const graph::Shape to_run(to.begin() + static_cast<int64_t>(j),
                                to.begin() + static_cast<int64_t>(j_end));
      const graph::Shape from_run(from.begin() + static_cast<int64_t>(i),
                                  from.begin() + static_cast<int64_t>(i_end));
      const Index run(index.begin() + static_cast<int64_t>(j), index.begin() + static_cast<int64_t>(j_end));
      const Index parts = delinearize(loop::simplify(linearize(run, to_run), ranges), from_run, ranges);
      std::copy(parts.begin(), parts.end(), result.begin() + static_cast<int64_t>(i));
    }
    i = i_end;
    j = j_end;
  }
  return result;
}

}  // namespace sinter::passes
