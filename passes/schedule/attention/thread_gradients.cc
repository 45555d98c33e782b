#include "passes/schedule/attention/thread_gradients.h"

#include <algorithm>

#include "ir/loop/walk.h"

namespace sinter::passes {

using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

struct Loop {
  loop::VariableRef variable;
  Expr begin, extent;
};

// The loops that `place` depends on, around `body`.
Stmt around(const std::vector<Loop>& loops, const Expr& place, Stmt body) {
  for (size_t i = loops.size(); i-- > 0;) {
    const auto& [variable, begin, extent] = loops[i];
    if (loop::depends_on(place, variable)) body = loop::loop(LoopKind::serial, variable, begin, extent, body);
  }
  return body;
}

}  // namespace

AttentionGradients::Read ThreadGradients::read_in(const QueryLane& lane) {
  return [this, lane](Value value, const Index& index) { return tile_.in_lane(value, index, lane); };
}

std::vector<Stmt> ThreadGradients::clear(const Index& mine, const graph::Shape& serial, const KeyRange& keys,
                                         const QueryRange& queries, bool keys_once) {
  Loader& loader = tile_.loader();
  std::vector<Loop> loops;
  Index at = mine;
  for (size_t axis = 0; axis < serial.size(); ++axis) {
    if (serial[axis] == 1) continue;
    loops.push_back({loader.variable("outer", serial[axis]), loop::integer(0), loop::integer(serial[axis])});
    at[axis] = loop::variable(loops.back().variable);
  }
  const bool held = loops.empty();
  loops.push_back({loader.variable("query", tile_.queries()), queries.first, queries.count});
  const Expr query = loop::variable(loops.back().variable);
  loops.push_back({loader.variable("key", tile_.keys()), keys.low, keys.high - keys.low});
  const Expr key = loop::variable(loops.back().variable);
  at = tile_.at(at, query, key);

  std::vector<Stmt> body;
  const auto zero = [&](const AttentionGradient& gradient, const Index& index, const Expr& predicate) {
    const Expr place = loader.simplify(linearize(index, gradient.value.shape()));
    return loop::store(gradient.buffer, place, tile_.number(0), predicate);
  };
  for (const AttentionGradient& gradient : all()) {
    if (gradient.operand == 0 ? held : gradient.operand <= 2 && keys_once) continue;
    if (gradient.operand <= 2) {
      const int64_t extent = gradient.operand == 2 ? tile_.values() : tile_.width();
      const auto index = [&](const Expr& w) {
        return gradient.operand == 0   ? tile_.query_index(at, query, w)
               : gradient.operand == 1 ? tile_.key_index(at, key, w)
                                       : tile_.value_index(at, key, w);
      };
      const Stmt row = vector_loop(loader, "w", extent, tile_.lanes(), [&](const VectorPoint& point) {
        return zero(gradient, index(point.index), point.predicate);
      });
      body.push_back(around(loops, linearize(index(loop::integer(0)), gradient.value.shape()), row));
      continue;
    }
    const Expr place = place_of(gradient, at);
    body.push_back(around(loops, place, loop::store(gradient.buffer, place, tile_.number(0))));
  }
  return body;
}

std::vector<Stmt> ThreadGradients::add_to_extras(const Index& at, const QueryLane& lane) {
  const auto query = tile_.parts().query;
  std::vector<Stmt> body;
  for (const AttentionGradient& gradient : all()) {
    if (gradient.operand <= 2) continue;
    const Expr place = place_of(gradient, at);
    Expr more;
    for (const Term& term : terms(gradient.value, at, read_in(lane)))
      more = more ? more + term.value : term.value;
    if (query && axes().common({gradient.operand})[*query]) {
      const Expr sum = loop::load(gradient.buffer, place, lane.predicate) + more;
      body.push_back(loop::store(gradient.buffer, place, sum, lane.predicate));
    } else {
      if (lane.predicate) more = loop::select(lane.predicate, more, tile_.number(0));
      const Expr sum = loop::load(gradient.buffer, place) + loop::apply(ScalarOp::lane_sum, {more});
      body.push_back(loop::store(gradient.buffer, place, sum));
    }
  }
  return body;
}

}  // namespace sinter::passes
