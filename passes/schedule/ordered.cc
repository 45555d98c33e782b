#include <fmt/format.h>

#include <algorithm>

#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/reduce/sum_blocks.h"

// Ops whose elements depend on one another along an axis: `cumsum` and `top_k`. Each row is walked in order.
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

const Op& find_op(const graph::Function& body, OpCode code) {
  const auto it =
      std::find_if(body.ops().begin(), body.ops().end(), [&](const auto& op) { return op->code == code; });
  return **it;
}

// How many sums stand side by side.
int64_t columns_of(const Op& cumsum) {
  const Shape& shape = cumsum.operands[0].shape();
  return graph::element_count(Shape(shape.begin() + cumsum.attributes.integer("axis") + 1, shape.end()));
}

// All columns are a unit's, or one where a unit is an invocation.
std::vector<Numbers> cumsum_choices(Template& t) {
  const int64_t columns = columns_of(find_op(t.body, OpCode::cumsum));
  return {{{"lanes", {t.width()}}, {"columns", {t.target().has_workgroups() ? 1 : columns}}}};
}

loop::Kernel emit_cumsum(Template& t, const Choice& choice) {
  const Op& op = find_op(t.body, OpCode::cumsum);
  const Value x = op.operands[0];
  const auto axis = op.attributes.integer("axis");
  const int64_t length = x.shape()[static_cast<size_t>(axis)];
  const Shape before(x.shape().begin(), x.shape().begin() + axis),
      after(x.shape().begin() + axis + 1, x.shape().end());
  const int64_t width = columns_of(op);
  Loader& loader = t.loader;
  const loop::Type type = loop::from_graph(x.dtype());

  ChoiceReader read(choice, t.kernel.location);
  const int64_t lanes = read.lanes(kMostVectors * t.lanes());
  const int64_t part = read.number("columns", 1, width);
  read.require(width % part == 0, fmt::format("columns divides {}", width));
  read.finish();
  const int64_t parts = width / part, units = graph::element_count(before) * parts;
  const auto unit = loader.variable("unit", units);
  const Index head = delinearize(loader.simplify(loop::variable(unit) / parts), before, loader.ranges());
  const Expr first_column = loader.simplify(loop::variable(unit) % parts) * part;
  // What the block of a long sum has added up, and what those before it have.
  const bool is_long = sum_block(length) < length;
  const loop::BufferRef sums = local_buffer("sums", type, part),
                        before_block = local_buffer("before", type, part);
  const auto columns = [&](const VectorBody& body) { return vector_loop(loader, "i", part, lanes, body); };
  const auto zero = [&](const loop::BufferRef& buffer, const VectorPoint& at) {
    return loop::store(buffer, at.index, loop::constant(0, type), at.predicate);
  };
  const auto step = [&](const Expr& c) {
    const Expr place = op.attributes.flag("reverse") ? loop::integer(length - 1) - c : c;
    return columns([&](const VectorPoint& at) {
      Index index = head;
      index.push_back(place);
      const Index tail = delinearize(loader.simplify(first_column + at.index), after, loader.ranges());
      index.insert(index.end(), tail.begin(), tail.end());
      const auto sum = loop::make_variable("sum", type);
      const Expr next = loop::load(sums, at.index, at.predicate) + loader.at(x, index, at.predicate);
      const Expr whole = is_long ? loop::load(before_block, at.index, at.predicate) + loop::variable(sum)
                                 : loop::variable(sum);
      const Expr position = loader.simplify(linearize(index, x.shape()));
      return loop::let(sum, next,
                       loop::block({loop::store(sums, at.index, loop::variable(sum), at.predicate),
                                    loop::store(t.outputs[0], position, whole, at.predicate)}));
    });
  };
  std::vector<Stmt> body = {columns([&](const VectorPoint& at) { return zero(sums, at); })};
  if (is_long) {
    body.push_back(columns([&](const VectorPoint& at) { return zero(before_block, at); }));
    const Stmt end = columns([&](const VectorPoint& at) {
      const Expr sum =
          loop::load(before_block, at.index, at.predicate) + loop::load(sums, at.index, at.predicate);
      return loop::block({loop::store(before_block, at.index, sum, at.predicate), zero(sums, at)});
    });
    body.push_back(loop_in_blocks(loader, length, step, end));
  } else {
    const auto c = loader.variable("c", length);
    body.push_back(
        loop::loop(LoopKind::serial, c, loop::integer(0), loop::integer(length), step(loop::variable(c))));
  }
  Stmt loops = loop::allocate(sums, loop::block(std::move(body)));
  if (is_long) loops = loop::allocate(before_block, loops);
  return t.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops));
}

std::vector<Numbers> top_k_choices(Template&) {
  return {{}};
}

loop::Kernel emit_top_k(Template& t, const Choice& choice) {
  ChoiceReader(choice, t.kernel.location).finish();
  const Op& op = find_op(t.body, OpCode::top_k);
  const Value x = op.operands[0];
  const int64_t k = op.attributes.integer("k"), length = x.shape().back();
  const Shape before(x.shape().begin(), x.shape().end() - 1);
  const int64_t rows = graph::element_count(before);
  Loader& loader = t.loader;
  const loop::Type type = loop::from_graph(x.dtype());
  const Expr zero = loop::integer(0);

  const auto unit = loader.variable("unit", rows);
  const auto s = loader.variable("s", k);
  const auto j = loader.variable("j", length);
  const auto value = loop::make_variable("value", type);
  const loop::BufferRef taken = local_buffer("taken", loop::Type::boolean, length);
  const loop::BufferRef found = local_buffer("found", loop::Type::boolean, 1);
  const loop::BufferRef best = local_buffer("best", type, 1);
  const loop::BufferRef place = local_buffer("place", loop::Type::i32, 1);
  const auto is_nan = [](const Expr& v) { return loop::apply(ScalarOp::not_equal, {v, v}); };
  const auto negate = [](const Expr& v) { return loop::apply(ScalarOp::logical_not, {v}); };

  Index index = delinearize(loop::variable(unit), before, loader.ranges());
  index.push_back(loop::variable(j));
  const Expr v = loop::variable(value), b = loop::load(best, zero);
  // NaN before all numbers; of equals, the first.
  const Expr better = negate(loop::load(taken, loop::variable(j))) &&
                      (negate(loop::load(found, zero)) || loop::apply(ScalarOp::greater, {v, b}) ||
                       (is_nan(v) && negate(is_nan(b))));
  const Stmt take = loop::block({loop::store(best, zero, v), loop::store(found, zero, loop::boolean(true)),
                                 loop::store(place, zero, loop::cast(loop::variable(j), loop::Type::i32))});
  Stmt look = loop::let(value, loader.at(x, index), loop::branch(better, take));
  look = loop::loop(LoopKind::serial, j, zero, loop::integer(length), look);
  const Expr out = loop::variable(unit) * k + loop::variable(s);
  const Stmt pick = loop::block(
      {loop::store(found, zero, loop::boolean(false)), loop::store(best, zero, loop::constant(0, type)),
       loop::store(place, zero, loop::integer(0, loop::Type::i32)), look,
       loop::store(taken, loop::cast(loop::load(place, zero), loop::Type::index), loop::boolean(true)),
       loop::store(t.outputs[0], out, loop::load(best, zero)),
       loop::store(t.outputs[1], out, loop::load(place, zero))});
  const Stmt body = loop::block({loop::loop(LoopKind::serial, j, zero, loop::integer(length),
                                            loop::store(taken, loop::variable(j), loop::boolean(false))),
                                 loop::loop(LoopKind::serial, s, zero, loop::integer(k), pick)});
  Stmt loops = body;
  for (const auto& buffer : {taken, found, best, place}) loops = loop::allocate(buffer, loops);
  return t.finish(loop::loop(LoopKind::parallel, unit, zero, loop::integer(rows), loops));
}

}  // namespace

constinit const Schedule kCumsum = {graph::Anchor::cumsum, "cumsum", cumsum_choices, emit_cumsum};
constinit const Schedule kTopK = {graph::Anchor::top_k, "top_k", top_k_choices, emit_top_k};

}  // namespace sinter::passes
