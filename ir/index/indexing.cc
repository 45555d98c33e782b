#include "ir/index/indexing.h"

namespace sinter::loop {

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

std::vector<std::pair<AxisRun, AxisRun>> reshape_runs(const graph::Shape& from, const graph::Shape& to) {
  std::vector<std::pair<AxisRun, AxisRun>> runs;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
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
    runs.push_back({{i, i_end}, {j, j_end}});
    i = i_end;
    j = j_end;
  }
  return runs;
}

Index reshape_index(const Index& index, const graph::Shape& from, const graph::Shape& to,
                    const loop::RangeMap& ranges) {
  Index result(from.size(), loop::integer(0));
  if (graph::element_count(from) == 0) return result;
  const auto part = [](const auto& all, AxisRun run) {
    return std::vector(all.begin() + static_cast<int64_t>(run.begin),
                       all.begin() + static_cast<int64_t>(run.end));
  };
  for (const auto& [of_from, of_to] : reshape_runs(from, to)) {
    if (of_from.end - of_from.begin == 1 && of_to.end - of_to.begin == 1) {
      result[of_from.begin] = index[of_to.begin];
    } else if (of_from.end > of_from.begin) {
      const graph::Shape to_run = part(to, of_to), from_run = part(from, of_from);
      const Index run = part(index, of_to);
      const Index parts = delinearize(loop::simplify(linearize(run, to_run), ranges), from_run, ranges);
      std::copy(parts.begin(), parts.end(), result.begin() + static_cast<int64_t>(of_from.begin));
    }
  }
  return result;
}

}  // namespace sinter::loop
