#include "passes/schedule/core/elementwise_loops.h"

#include <algorithm>

#include "ir/integers.h"

namespace sinter::passes {

using graph::Shape;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

Shape elementwise_domain(Shape domain, bool flat) {
  const int64_t elements = graph::element_count(domain);
  std::erase(domain, 1);
  if (flat && elements > 1) domain = {elements};
  return domain;
}

ElementwiseBlocks choose_elementwise(Shape domain, int64_t width, int64_t narrow, int64_t unit_elements) {
  if (domain.size() <= 1 || unit_elements == 1)
    return {std::move(domain), false, width, std::max<int64_t>(1, unit_elements / width)};
  const int64_t inner = domain.back();
  return {std::move(domain), true, inner >= width ? width : narrow,
          std::max<int64_t>(1, unit_elements / std::max<int64_t>(inner, 1))};
}

Stmt elementwise_loops(Template& t, const ElementwiseBlocks& blocks, const DomainBody& body) {
  const Shape& domain = blocks.domain;
  const int64_t elements = graph::element_count(domain);
  if (!blocks.by_rows) {
    return parallel_vector_loop(
        t.loader, "i", elements, blocks.lanes, blocks.unit, [&](const VectorPoint& at) {
          return body({domain, delinearize(at.index, domain, t.loader.ranges()), at.predicate});
        });
  }
  const int64_t inner = domain.back(), rows = elements / inner;
  const Shape outer(domain.begin(), domain.end() - 1);
  const int64_t units = ceil_div(rows, blocks.unit);
  const auto unit = t.loader.variable("unit", units);
  const auto row = t.loader.variable("row", rows);
  const Expr begin = loop::variable(unit) * blocks.unit;
  Index index = delinearize(loop::variable(row), outer, t.loader.ranges());
  index.emplace_back();
  Stmt loops = vector_loop(t.loader, "i", inner, blocks.lanes, [&](const VectorPoint& at) {
    Index here = index;
    here.back() = at.index;
    return body({domain, here, at.predicate});
  });
  loops = loop::loop(LoopKind::serial, row, begin,
                     loop::min(loop::integer(blocks.unit), loop::integer(rows) - begin), loops);
  return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
}

}  // namespace sinter::passes
