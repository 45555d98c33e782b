#include <algorithm>

#include "ir/error.h"
#include "passes/schedule/local.h"
#include "passes/schedule/template.h"

// The schedule of `scatter`: each unit of work owns a run of the table's rows, looks at every index in order
// and adds the updates that fall into its run. So additions happen in order of position, with any number of
// threads, and the finished rows are at hand for the elementwise work that follows.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

constexpr int64_t kUnitBytes = 32 << 10;
constexpr int64_t kSmallPart = 64;  // of a row, where units are small

int64_t divisor_at_most(int64_t x, int64_t most) {
  int64_t divisor = std::min(x, most);
  while (x % divisor != 0) --divisor;
  return divisor;
}

const Op& find_scatter(const graph::Function& body) {
  for (const auto& op : body.ops()) {
    if (op->code == OpCode::scatter_add) return *op;
  }
  throw InternalError("a scatter kernel without scatter_add");
}

}  // namespace

loop::Kernel schedule_scatter(Template& t) {
  const Op& scatter = find_scatter(t.body);
  const Value base = scatter.operands[0], indices = scatter.operands[1], updates = scatter.operands[2];
  const Value result{const_cast<Op*>(&scatter), 0};
  const auto axis = scatter.attributes.integer("axis");
  const Shape& shape = base.shape();
  if (base.type().elements() == 0) return t.finish(loop::block({}));
  const Shape before(shape.begin(), shape.begin() + axis), after(shape.begin() + axis + 1, shape.end());
  const int64_t rows = shape[static_cast<size_t>(axis)], width = graph::element_count(after);
  const int64_t positions = indices.type().elements();
  const loop::Type type = loop::from_graph(base.dtype());
  const bool is_small = t.target().unit_elements == 1;
  const int64_t columns = is_small ? divisor_at_most(width, kSmallPart) : width;
  const int64_t column_runs = width / columns;
  const int64_t rows_a_unit = is_small ? 1
                                       : std::clamp<int64_t>(kUnitBytes / (width * loop::size_in_bytes(type)),
                                                             1, std::max<int64_t>(1, (rows + 7) / 8));
  const int64_t runs = (rows + rows_a_unit - 1) / rows_a_unit;
  Loader& loader = t.loader;

  const int64_t units = graph::element_count(before) * runs * column_runs;
  const auto unit = loader.variable("unit", units);
  const Expr first_column = loader.simplify(loop::variable(unit) % column_runs) * columns;
  const Expr first = loader.simplify(loop::variable(unit) / column_runs % runs) * rows_a_unit;
  const Index head =
      delinearize(loader.simplify(loop::variable(unit) / (column_runs * runs)), before, loader.ranges());
  const loop::BufferRef sums = local_buffer("sums", type, rows_a_unit * columns);
  const auto tail = [&](const Expr& column) {
    return delinearize(loader.simplify(first_column + column), after, loader.ranges());
  };
  const auto join = [&](std::initializer_list<Index> parts) {
    Index index;
    for (const Index& part : parts) index.insert(index.end(), part.begin(), part.end());
    return index;
  };
  const auto row = loader.variable("row", rows);
  const Expr here = loop::variable(row);
  const Expr own = (here - first) * columns;
  const auto each_row = [&](const VectorBody& body) {
    const Expr count = loop::min(loop::integer(rows_a_unit), loop::integer(rows) - first);
    return loop::loop(LoopKind::serial, row, first, count,
                      vector_loop(loader, "c", columns, t.width(), body));
  };

  const Stmt start = each_row([&](const VectorPoint& at) {
    const Index index = join({head, {here}, tail(at.index)});
    return loop::store(sums, own + at.index, loader.at(base, index, at.predicate), at.predicate);
  });

  const auto position = loader.variable("position", positions);
  Stmt add;
  {
    Loader::Scope scope(loader);
    const Index place = delinearize(loop::variable(position), indices.shape(), loader.ranges());
    const auto target = loop::make_variable("target");
    const Expr slot = (loop::variable(target) - first) * columns;
    add = vector_loop(loader, "c", columns, t.width(), [&](const VectorPoint& at) {
      const Index index = join({head, place, tail(at.index)});
      const Expr update = loader.at(updates, index, at.predicate);
      const Expr sum = loop::load(sums, slot + at.index, at.predicate) + update;
      return loop::store(sums, slot + at.index, sum, at.predicate);
    });
    const Expr limit = loop::min(first + rows_a_unit, loop::integer(rows));
    add = loop::branch(loop::variable(target) >= first && loop::variable(target) < limit, add);
    add = loop::let(target, loop::cast(loader.at(indices, place), loop::Type::index), add);
    add = loop::loop(LoopKind::serial, position, loop::integer(0), loop::integer(positions), add);
  }

  const Stmt finish = each_row([&](const VectorPoint& at) {
    loader.bind(result, loop::load(sums, own + at.index, at.predicate));
    const Tile tile(t.body, {{result, join({head, {here}, tail(at.index)})}}, loader.ranges());
    return loop::block({t.checks(tile, at.predicate), store_tile(loader, tile, t.stores(), at.predicate)});
  });

  const Stmt body = loop::allocate(sums, loop::block({start, add, finish}));
  return t.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
}

}  // namespace sinter::passes
