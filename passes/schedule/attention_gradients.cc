#include "passes/schedule/attention_gradients.h"

#include <algorithm>
#include <charconv>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
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

AttentionGradients::AttentionGradients(AttentionTile& tile) : tile_(tile) {
  const graph::Function& body = *tile.core().body;
  const AttentionBody& parts = tile.parts();
  const Value cotangent = tile.parameter(body.parameters().size() - 1);
  for (size_t i = 0; i < body.outputs.size(); ++i) {
    AttentionGradient gradient;
    const std::string& name = body.outputs[i].name;
    std::from_chars(name.data() + 1, name.data() + name.size(), gradient.operand);
    gradient.value = body.outputs[i].value;
    gradient.buffer = tile.output(i);
    if (gradient.buffer != nullptr) all_.push_back(gradient);
  }
  for (const auto& op : body.ops()) {
    if (op->code == OpCode::contract) {
      if (op->operands[0] == cotangent && op->operands[1] == parts.v) kept_cotangent_ = op->result();
      // Of q or of k: the cotangent of the scores comes first, or last.
      if (op.get() == parts.scores || op.get() == parts.product) continue;
      if (op->operands[1] == parts.k) score_cotangent_ = op->operands[0];
      if (op->operands[0] == parts.q) score_cotangent_ = op->operands[1];
    }
    if (op->code == OpCode::reduce_sum && !row_sum_) {
      const Op& product = *op->operands[0].op;
      const bool weighs = product.code == OpCode::mul &&
                          std::ranges::find(product.operands, parts.weights()) != product.operands.end();
      if (weighs && op->attributes.integers("axes") == std::vector{static_cast<int64_t>(parts.key)}) {
        row_sum_ = op->result();
      }
    }
  }
}

const AttentionGradient* AttentionGradients::of(size_t operand) const {
  const auto it = std::ranges::find(all_, operand, &AttentionGradient::operand);
  return it == all_.end() ? nullptr : &*it;
}

std::vector<AttentionGradients::Term> AttentionGradients::terms(Value value, const Index& at,
                                                                const QueryLane& lane) {
  const AttentionBody& parts = tile_.parts();
  const loop::RangeMap& ranges = tile_.loader().ranges();
  const Value scores = const_cast<Op*>(parts.scores)->result();
  const Tile known(*tile_.core().body,
                   {{scores, *trace(parts.masked(), at, scores, ranges)},
                    {parts.weights(), at},
                    {kept_cotangent_, *parts.kept_index(at, ranges)}},
                   ranges);
  return terms(value, known, lane);
}

std::vector<AttentionGradients::Term> AttentionGradients::terms(Value value, const Tile& known,
                                                                const QueryLane& lane) {
  if (const Index* index = known.find(value)) return {{*index, tile_.in_lane(value, *index, lane)}};
  const Op& op = *value.op;
  std::vector<Term> result;
  const auto other = [&](size_t operand, const Term& term) {
    return tile_.in_lane(op.operands[operand], term.index, lane);
  };
  const auto map = [&](size_t operand, const auto& change) {
    for (Term& term : terms(op.operands[operand], known, lane)) {
      change(term);
      result.push_back(std::move(term));
    }
  };
  const auto same = [](Term&) {};
  switch (op.code) {
    case OpCode::reduce_sum: {
      const auto& axes = op.attributes.integers("axes");
      map(0, [&](Term& term) {
        for (size_t i = axes.size(); i-- > 0;) term.index.erase(term.index.begin() + axes[i]);
      });
      break;
    }
    case OpCode::reshape:
      map(0, [&](Term& term) {
        term.index =
            reshape_index(term.index, value.shape(), op.operands[0].shape(), tile_.loader().ranges());
      });
      break;
    case OpCode::transpose:
      map(0, [&](Term& term) {
        Index moved;
        for (int64_t axis : op.attributes.integers("permutation"))
          moved.push_back(term.index[static_cast<size_t>(axis)]);
        term.index = std::move(moved);
      });
      break;
    case OpCode::add:
      map(0, same);
      map(1, same);
      break;
    case OpCode::sub:
      map(0, same);
      map(1, [&](Term& term) { term.value = loop::apply(ScalarOp::neg, {term.value}); });
      break;
    case OpCode::neg:
      map(0, [&](Term& term) { term.value = loop::apply(ScalarOp::neg, {term.value}); });
      break;
    case OpCode::mul:
      map(0, [&](Term& term) { term.value = term.value * other(1, term); });
      if (result.empty()) map(1, [&](Term& term) { term.value = term.value * other(0, term); });
      break;
    case OpCode::div:
      map(0, [&](Term& term) { term.value = term.value / other(1, term); });
      break;
    case OpCode::select:
      map(1, [&](Term& term) { term.value = loop::select(other(0, term), term.value, tile_.number(0)); });
      map(2, [&](Term& term) { term.value = loop::select(other(0, term), tile_.number(0), term.value); });
      break;
    case OpCode::cast:
      map(0, [&](Term& term) { term.value = loop::cast(term.value, loop::from_graph(value.dtype())); });
      break;
    case OpCode::stop_gradient:
      map(0, same);
      break;
    default:
      break;  // it does not depend on the scores
  }
  return result;
}

std::vector<Stmt> AttentionGradients::clear(const Index& mine, const graph::Shape& serial,
                                            const KeyRange& keys, const QueryRange& queries) {
  const AttentionBody& parts = tile_.parts();
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
  for (const AttentionGradient& gradient : all_) {
    if (gradient.operand == 0 && held) continue;
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
    for (Value value :
         {const_cast<Op*>(parts.scores)->result(), parts.weights(), kept_cotangent_, row_sum_}) {
      if (value) loader.bind(tile_.flat(value), tile_.number(0));
    }
    const QueryLane nowhere{loop::integer(0), loop::integer(0), query, nullptr};
    for (const Term& term : terms(gradient.value, at, nowhere)) {
      body.push_back(
          around(loops, linearize(term.index, gradient.value.shape()), zero(gradient, term.index)));
    }
  }
  return body;
}

std::vector<Stmt> AttentionGradients::add_to_extras(const Index& at, const QueryLane& lane) {
  const bool any = std::ranges::any_of(all_, [](const auto& gradient) { return gradient.operand > 2; });
  if (!any) return {};
  Loader& loader = tile_.loader();
  std::vector<Stmt> body;
  for (const AttentionGradient& gradient : all_) {
    if (gradient.operand <= 2) continue;
    for (const Term& term : terms(gradient.value, at, lane)) {
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
