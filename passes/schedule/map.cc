#include <algorithm>

#include "ir/error.h"
#include "passes/schedule/template.h"

// The schedule of `map`: one pass over a domain, vectors along its last axes.
namespace sinter::passes {

using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

// Whether every element depends only on elements at its own position (and on scalars): then the domain is as
// good as flat, however many axes it has.
bool is_flat(const graph::Function& body) {
  for (const auto& op : body.ops()) {
    switch (op->kind()) {
      case OpKind::elementwise:
      case OpKind::check:
        continue;
      case OpKind::source:
        if (op->code == OpCode::iota) return false;
        continue;
      case OpKind::view: {
        const bool splat = op->code == OpCode::broadcast && op->operands[0].type().elements() == 1;
        if (!splat && op->code != OpCode::reshape) return false;
        continue;
      }
      default:
        return false;
    }
  }
  return true;
}

// What the kernel makes, or where it makes nothing, what it checks.
Shape domain_of(const graph::Function& body) {
  if (!body.outputs.empty()) return body.outputs[0].value.shape();
  for (const auto& op : body.ops()) {
    if (op->kind() == OpKind::check) return op->results[0].shape;
  }
  throw InternalError("a kernel that makes nothing");
}

}  // namespace

loop::Kernel schedule_map(Template& t) {
  Shape domain = domain_of(t.body);
  const int64_t elements = graph::element_count(domain);
  if (elements == 0) return t.finish(loop::block({}));
  const int64_t width = t.width(), unit_elements = t.target().unit_elements;
  std::erase(domain, 1);
  if (is_flat(t.body) && elements > 1) domain = {elements};
  const auto element = [&](const Index& index, const Expr& predicate) {
    const Tile tile = Tile::of_outputs(t.body, domain, index, t.loader.ranges());
    return loop::block({t.checks(tile, predicate), store_tile(t.loader, tile, t.stores(), predicate)});
  };
  const int64_t inner = domain.empty() ? 1 : domain.back();
  if (domain.size() <= 1 || unit_elements == 1) {
    return t.finish(
        parallel_vector_loop(t.loader, "i", elements, width, std::max<int64_t>(1, unit_elements / width),
                             [&](const VectorPoint& at) {
                               return element(delinearize(at.index, domain, t.loader.ranges()), at.predicate);
                             }));
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
  Stmt body = vector_loop(t.loader, "i", inner, lanes, [&](const VectorPoint& at) {
    Index here = index;
    here.back() = at.index;
    return element(here, at.predicate);
  });
  body = loop::loop(LoopKind::serial, row, begin,
                    loop::min(loop::integer(rows_a_unit), loop::integer(rows) - begin), body);
  return t.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
}

}  // namespace sinter::passes
