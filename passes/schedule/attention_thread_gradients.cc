#include "passes/schedule/attention_thread_gradients.h"

#include <algorithm>

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

bool depends_on(const Expr& x, const loop::VariableRef& variable) {
  if (x->kind == loop::ExprNode::Kind::variable) return x->variable == variable;
  return std::ranges::any_of(x->args, [&](const Expr& arg) { return depends_on(arg, variable); });
}

// The loops that `place` depends on, around `body`.
Stmt around(const std::vector<Loop>& loops, const Expr& place, Stmt body) {
  for (size_t i = loops.size(); i-- > 0;) {
    const auto& [variable, begin, extent] = loops[i];
    if (depends_on(place, variable)) body = loop::loop(LoopKind::serial, variable, begin, extent, body);
  }
  return body;
}

bool depends_on_lane(const Expr& x) {
  if (x->kind == loop::ExprNode::Kind::variable) return x->variable->name == "q_lane";
  return std::ranges::any_of(x->args, depends_on_lane);
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
  const auto zero = [&](const AttentionGradient& gradient, const Index& index,
                        const Expr& predicate = nullptr) {
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
    Loader::Scope scope(loader);
    for (Value value : {tile_.scores(), tile_.parts().weights(), kept_cotangent(), row_sum()}) {
      if (value) loader.bind(tile_.flat(value), tile_.number(0));
    }
    const QueryLane nowhere{loop::integer(0), loop::integer(0), loop::integer(0), query, nullptr};
    for (const Term& term : terms(gradient.value, at, read_in(nowhere))) {
      body.push_back(
          around(loops, linearize(term.index, gradient.value.shape()), zero(gradient, term.index)));
    }
  }
  return body;
}

std::vector<Stmt> ThreadGradients::add_to_extras(const Index& at, const QueryLane& lane) {
  const bool any = std::ranges::any_of(all(), [](const auto& gradient) { return gradient.operand > 2; });
  if (!any) return {};
  Loader& loader = tile_.loader();
  std::vector<Stmt> body;
  for (const AttentionGradient& gradient : all()) {
    if (gradient.operand <= 2) continue;
    for (const Term& term : terms(gradient.value, at, read_in(lane))) {
      const Expr place = loader.simplify(linearize(term.index, gradient.value.shape()));
      if (depends_on_lane(place)) {
        const Expr sum = loop::load(gradient.buffer, place, lane.predicate) + term.value;
        body.push_back(loop::store(gradient.buffer, place, sum, lane.predicate));
      } else {
        const Expr value =
            lane.predicate ? loop::select(lane.predicate, term.value, tile_.number(0)) : term.value;
        const Expr sum = loop::load(gradient.buffer, place) + loop::apply(ScalarOp::lane_sum, {value});
        body.push_back(loop::store(gradient.buffer, place, sum));
      }
    }
  }
  return body;
}

}  // namespace sinter::passes
