#include "passes/schedule/core/elementwise_loops.h"

namespace sinter::passes {

using graph::Shape;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

Stmt elementwise_loops(Template& t, Shape domain, int64_t width, bool flat, const DomainBody& body) {
  const int64_t elements = graph::element_count(domain);
  if (elements == 0) return loop::block({});
  const int64_t unit_elements = t.target().elements_a_unit();
  std::erase(domain, 1);
  if (flat && elements > 1) domain = {elements};
  const int64_t inner = domain.empty() ? 1 : domain.back();
  if (domain.size() <= 1 || t.target().has_workgroups()) {
    return parallel_vector_loop(
        t.loader, "i", elements, width, std::max<int64_t>(1, unit_elements / width),
        [&](const VectorPoint& at) {
          return body({domain, delinearize(at.index, domain, t.loader.ranges()), at.predicate});
        });
  }
  const int64_t rows = elements / inner;
  const Shape outer(domain.begin(), domain.end() - 1);
  const int64_t rows_a_unit = std::max<int64_t>(1, unit_elements / std::max<int64_t>(inner, 1));
  const int64_t units = (rows + rows_a_unit - 1) / rows_a_unit;
  const auto unit = t.loader.variable("unit", units);
  const auto row = t.loader.variable("row", rows);
  const Expr begin = loop::variable(unit) * rows_a_unit;
  Index index = delinearize(loop::variable(row), outer, t.loader.ranges());
  index.emplace_back();
  const int64_t lanes = inner >= width ? width : t.lanes();
  Stmt loops = vector_loop(t.loader, "i", inner, lanes, [&](const VectorPoint& at) {
    Index here = index;
    here.back() = at.index;
    return body({domain, here, at.predicate});
  });
  loops = loop::loop(LoopKind::serial, row, begin,
                     loop::min(loop::integer(rows_a_unit), loop::integer(rows) - begin), loops);
  return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
}

}  // namespace sinter::passes
