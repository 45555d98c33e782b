#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/integers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"

// The schedules of `scatter`. Each unit of work owns elements of the table, and adds the updates that fall
// there in order of position: so sums do not depend on who takes which unit, and the finished elements are at
// hand for the elementwise work that follows. On threads a unit is a run of rows, and looks at every index.
// On machines with workgroups it is a part of one row, and where indices are sorted it looks for the first
// and the last of its own.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kUnitBytes = 32 << 10;
constexpr int64_t kLeastRuns = 8;         // that threads share
constexpr int64_t kLongRun = 64;          // columns of a lane
constexpr int64_t kOtherIterations = 64;  // of the search for a row

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

// What both schedules know of their kernel.
struct Scatter {
  explicit Scatter(const Template& t)
      : op(find_scatter(t.body)),
        base(op.operands[0]),
        indices(op.operands[1]),
        updates(op.operands[2]),
        result{const_cast<Op*>(&op), 0} {
    const auto axis = op.attributes.integer("axis");
    const Shape& shape = base.shape();
    before.assign(shape.begin(), shape.begin() + axis);
    after.assign(shape.begin() + axis + 1, shape.end());
    rows = shape[static_cast<size_t>(axis)];
    width = graph::element_count(after);
    positions = indices.type().elements();
  }

  const Op& op;
  Value base, indices, updates, result;
  Shape before, after;
  int64_t rows, width, positions;
};

Index join(std::initializer_list<Index> parts) {
  Index index;
  for (const Index& part : parts) index.insert(index.end(), part.begin(), part.end());
  return index;
}

// Parts of one row.
class ScatterRows {
 public:
  ScatterRows(Template& t, int64_t lanes, int64_t columns)
      : t_(t), s_(t), is_sorted_(s_.op.attributes.flag("sorted")), lanes_(lanes), columns_(columns) {}

  loop::Kernel run() {
    Loader& loader = t_.loader;
    const int64_t runs = s_.width / columns_, units = graph::element_count(s_.before) * s_.rows * runs;
    const auto unit = loader.variable("unit", units);
    const Expr u = loop::variable(unit);
    row_ = loader.simplify(u / runs % s_.rows);
    head_ = delinearize(loader.simplify(u / (runs * s_.rows)), s_.before, loader.ranges());
    sums_ = local_buffer("sums", loop::from_graph(s_.base.dtype()), lanes_);
    const auto block = loader.variable("block", columns_ / lanes_);
    first_column_ = loader.simplify(u % runs * columns_ + loop::variable(block) * lanes_);
    Stmt body = loop::block({start(), is_sorted_ ? add_own() : add_all(), finish()});
    body = loop::loop(LoopKind::serial, block, loop::integer(0), loop::integer(columns_ / lanes_), body);
    if (is_sorted_) body = search(body);
    body = loop::allocate(sums_, body);
    return t_.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
  }

 private:
  Stmt each(const std::function<Stmt(const Expr& lane)>& body) const {
    const auto lane = t_.loader.variable("c", lanes_);
    Loader::Scope scope(t_.loader);
    return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes_),
                      body(loop::variable(lane)));
  }
  Index tail(const Expr& lane) const {
    return delinearize(t_.loader.simplify(first_column_ + lane), s_.after, t_.loader.ranges());
  }
  Index place_of(const Expr& position) const {
    return delinearize(position, s_.indices.shape(), t_.loader.ranges());
  }
  Expr row_at(const Expr& position) const {
    return loop::cast(t_.loader.at(s_.indices, place_of(position)), loop::Type::index);
  }

  Stmt start() {
    return each([&](const Expr& lane) {
      return loop::store(sums_, lane, t_.loader.at(s_.base, join({head_, {row_}, tail(lane)})));
    });
  }

  Stmt add(const Expr& position) {
    return each([&](const Expr& lane) {
      const Expr update = t_.loader.at(s_.updates, join({head_, place_of(position), tail(lane)}));
      return loop::store(sums_, lane, loop::load(sums_, lane) + update);
    });
  }

  Stmt add_all() {
    const auto position = t_.loader.variable("position", s_.positions);
    Loader::Scope scope(t_.loader);
    const Expr at = loop::variable(position);
    return loop::loop(LoopKind::serial, position, loop::integer(0), loop::integer(s_.positions),
                      loop::branch(row_at(at) == row_, add(at)));
  }

  // Of positions from `first_` on, `count_`.
  Stmt add_own() {
    const auto number = t_.loader.variable("number", s_.positions);
    Loader::Scope scope(t_.loader);
    const auto position = t_.loader.variable("position", s_.positions);
    const Stmt one = loop::let(position, first_ + loop::variable(number), add(loop::variable(position)));
    return loop::loop(LoopKind::serial, number, loop::integer(0), count_, one);
  }

  // How many positions come before the row's, and how many before the next one's: by halves.
  Stmt search(const Stmt& body) {
    const auto found = local_buffer("found", loop::Type::i32, 2);
    int64_t steps = 0;
    while ((int64_t{1} << steps) <= s_.positions) ++steps;
    const auto step = t_.loader.variable("step", steps);
    Loader::Scope scope(t_.loader);
    const auto half = t_.loader.variable("half", (int64_t{1} << steps) / 2 + 1, 1);
    std::vector<Stmt> halve;
    for (const int64_t i : {0, 1}) {
      const Expr place = loop::integer(i);
      const Expr next = loop::cast(loop::load(found, place), loop::Type::index) + loop::variable(half);
      const Expr last = loop::min(next, loop::integer(s_.positions)) - 1;
      const Expr is_before = next < loop::integer(s_.positions + 1) && row_at(last) < row_ + i;
      halve.push_back(loop::store(found, place, loop::cast(next, loop::Type::i32), is_before));
    }
    const Expr one = loop::integer(1, loop::Type::i32);
    const Expr shift = loop::cast(loop::integer(steps - 1) - loop::variable(step), loop::Type::i32);
    const Expr power = loop::cast(loop::apply(ScalarOp::shift_left, {one, shift}), loop::Type::index);
    const Stmt loop = loop::loop(LoopKind::serial, step, loop::integer(0), loop::integer(steps),
                                 loop::let(half, power, loop::block(std::move(halve))));
    const Expr zero = loop::integer(0, loop::Type::i32);
    const auto load = [&](int64_t i) {
      return loop::cast(loop::load(found, loop::integer(i)), loop::Type::index);
    };
    Expr count = load(1) - first_;
    if (t_.target().has_iteration_limit()) count = loop::min(count, loop::integer(s_.positions));
    const Stmt rest = loop::let(first_->variable, load(0), loop::let(count_->variable, count, body));
    return loop::allocate(found, loop::block({loop::store(found, loop::integer(0), zero),
                                              loop::store(found, loop::integer(1), zero), loop, rest}));
  }

  Stmt finish() {
    return each([&](const Expr& lane) {
      t_.loader.bind(s_.result, loop::load(sums_, lane));
      const Tile tile(t_.body, {{s_.result, join({head_, {row_}, tail(lane)})}}, t_.loader.ranges());
      return loop::block({t_.checks(tile), store_tile(t_.loader, tile, t_.stores())});
    });
  }

  Template& t_;
  Scatter s_;
  bool is_sorted_;
  int64_t lanes_, columns_;  // at once, and of a unit
  Expr row_, first_column_;
  Index head_;
  loop::BufferRef sums_;
  Expr first_ = loop::variable(loop::make_variable("first")),
       count_ = loop::variable(loop::make_variable("count"));
};

// Lanes side by side have neighbours in memory, or, on a processor, searches for a row once. All updates may
// be those of one row.
std::vector<Numbers> scatter_row_choices(Template& t) {
  if (!t.target().has_workgroups()) return {};
  const Scatter s(t);
  const int64_t lanes = divisor_at_most(s.width, t.width());
  int64_t columns = lanes;
  if (s.op.attributes.flag("sorted") && !t.target().has_fast_shared()) {
    const int64_t most = t.target().max_iterations / (s.positions + kOtherIterations);
    const int64_t blocks = std::clamp<int64_t>(kLongRun / lanes, 1, std::max<int64_t>(most, 1));
    columns = divisor_at_most(s.width / lanes, blocks) * lanes;
  }
  return {{{"lanes", {lanes}}, {"columns", {columns}}}};
}

loop::Kernel emit_scatter_rows(Template& t, const Choice& choice) {
  const Scatter s(t);
  ChoiceReader read(choice, t.kernel.location);
  const int64_t lanes = read.number("lanes", 1, kMostVectors * t.lanes());
  const int64_t columns = read.number("columns", lanes, s.width);
  read.require(columns % lanes == 0 && s.width % columns == 0,
               fmt::format("lanes divides columns, and these the row's {}", s.width));
  read.finish();
  return ScatterRows(t, lanes, columns).run();
}

std::vector<Numbers> run_choices(Template& t) {
  if (t.target().has_workgroups()) return {};
  const Scatter s(t);
  const int64_t row_bytes = s.width * loop::size_in_bytes(loop::from_graph(s.base.dtype()));
  const int64_t rows =
      std::clamp<int64_t>(kUnitBytes / row_bytes, 1, std::max<int64_t>(1, ceil_div(s.rows, kLeastRuns)));
  return {{{"lanes", {t.width()}}, {"rows", {rows}}}};
}

loop::Kernel emit_runs(Template& t, const Choice& choice) {
  const Scatter s(t);
  const auto& [op, base, indices, updates, result, before, after, rows, width, positions] = s;
  const loop::Type type = loop::from_graph(base.dtype());
  ChoiceReader read(choice, t.kernel.location);
  const int64_t lanes = read.lanes(kMostVectors * t.lanes());
  const int64_t rows_a_unit = read.number("rows", 1, rows);
  const int64_t bytes = rows_a_unit * width * loop::size_in_bytes(type);
  read.require(
      !t.target().has_workgroups() || bytes <= t.target().local_bytes,
      fmt::format("a lane takes {} bytes of memory, the machine has {}", bytes, t.target().local_bytes));
  read.finish();
  const int64_t runs = ceil_div(rows, rows_a_unit);
  Loader& loader = t.loader;

  const int64_t units = graph::element_count(before) * runs;
  const auto unit = loader.variable("unit", units);
  const Expr first = loader.simplify(loop::variable(unit) % runs) * rows_a_unit;
  const Index head = delinearize(loader.simplify(loop::variable(unit) / runs), before, loader.ranges());
  const loop::BufferRef sums = local_buffer("sums", type, rows_a_unit * width);
  const auto tail = [&](const Expr& column) { return delinearize(column, s.after, loader.ranges()); };
  const auto row = loader.variable("row", rows);
  const Expr here = loop::variable(row);
  const Expr own = (here - first) * width;
  const auto each_row = [&](const VectorBody& body) {
    const Expr count = loop::min(loop::integer(rows_a_unit), loop::integer(s.rows) - first);
    return loop::loop(LoopKind::serial, row, first, count, vector_loop(loader, "c", s.width, lanes, body));
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
    const Expr slot = (loop::variable(target) - first) * width;
    add = vector_loop(loader, "c", width, lanes, [&](const VectorPoint& at) {
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

}  // namespace

constinit const Schedule kScatterRows = {graph::Anchor::scatter, "scatter.rows", scatter_row_choices,
                                         emit_scatter_rows};
constinit const Schedule kScatterRuns = {graph::Anchor::scatter, "scatter.runs", run_choices, emit_runs};

}  // namespace sinter::passes
