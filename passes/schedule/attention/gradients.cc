#include "passes/schedule/attention/gradients.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;
using loop::Expr;
using loop::ScalarOp;

AttentionGradients::AttentionGradients(AttentionCore& core)
    : core_(core), axes_(core.core()), signature_(BackwardSignature::of(core.core())) {
  for (size_t i = 0; i < signature_.operands.size(); ++i) {
    AttentionGradient gradient;
    gradient.operand = signature_.operands[i];
    gradient.value = core.core().body->outputs[i].value;
    gradient.buffer = core.output(i);
    if (!axes_.has_own_elements(gradient.operand)) {
      throw InternalError(
          fmt::format("attention_backward: operand {} is read by several places", gradient.operand));
    }
    if (gradient.buffer != nullptr) all_.push_back(gradient);
  }
}

const AttentionGradient* AttentionGradients::of(size_t operand) const {
  const auto it = std::ranges::find(all_, operand, &AttentionGradient::operand);
  return it == all_.end() ? nullptr : &*it;
}

std::vector<AttentionGradients::Term> AttentionGradients::terms(Value value, const Index& at,
                                                                const Read& read) {
  const AttentionBody& parts = core_.parts();
  const loop::RangeMap& ranges = core_.loader().ranges();
  const Tile known(*core_.core().body,
                   {{core_.scores(), core_.scores_index(at)},
                    {parts.weights(), at},
                    {signature_.kept_cotangent, *parts.kept_index(at, ranges)}},
                   ranges);
  return terms(value, known, read);
}

Expr AttentionGradients::place_of(const AttentionGradient& gradient, const Index& at) {
  Loader& loader = core_.loader();
  Loader::Scope scope(loader);
  for (Value value :
       {core_.scores(), core_.parts().weights(), signature_.kept_cotangent, signature_.row_sum}) {
    if (value) loader.bind(core_.flat(value), core_.number(0));
  }
  Index place = at;
  const AttentionAxes::Axes varies = axes_.common({gradient.operand});
  for (size_t axis = 0; axis < place.size(); ++axis) {
    if (!varies[axis]) place[axis] = loop::integer(0);
  }
  const auto read = [&](Value value, const Index& index) { return core_.element(value, index); };
  const auto found = terms(gradient.value, place, read);
  return loader.simplify(linearize(found.at(0).index, gradient.value.shape()));
}

std::vector<AttentionGradients::Term> AttentionGradients::terms(Value value, const Tile& known,
                                                                const Read& read) {
  if (const Index* index = known.find(value)) return {{*index, read(value, *index)}};
  const Op& op = *value.op;
  std::vector<Term> result;
  const auto other = [&](size_t operand, const Term& term) { return read(op.operands[operand], term.index); };
  const auto map = [&](size_t operand, const auto& change) {
    for (Term& term : terms(op.operands[operand], known, read)) {
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
    case OpCode::transpose:
      map(0, [&](Term& term) { term.index = *loop::result_of(op, term.index, core_.loader().ranges()); });
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
      map(1, [&](Term& term) { term.value = loop::select(other(0, term), term.value, core_.number(0)); });
      map(2, [&](Term& term) { term.value = loop::select(other(0, term), core_.number(0), term.value); });
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

namespace {

GradientPart part_of(const AttentionBody& body, const AttentionAxes& axes,
                     const AttentionGradient& gradient) {
  const auto depends = axes.common({gradient.operand});
  GradientPart part;
  part.gradients = {&gradient};
  part.own = part.along = body.domain;
  for (size_t axis = 0; axis < body.domain.size(); ++axis) {
    const bool is_row = axis == body.key || axis == body.query;
    (is_row || !depends[axis] ? part.own : part.along)[axis] = 1;
    if (is_row) part.along[axis] = 1;
  }
  part.own_queries = !body.query || depends[*body.query];
  part.own_keys = depends[body.key];
  return part;
}

}  // namespace

std::vector<GradientPart> gradient_parts(const AttentionBody& body, const AttentionGradients& gradients) {
  std::vector<GradientPart> parts;
  for (const AttentionGradient& gradient : gradients.all()) {
    GradientPart part = part_of(body, gradients.axes(), gradient);
    const auto alike = std::ranges::find_if(parts, [&](const GradientPart& other) {
      return other.own == part.own && other.own_queries == part.own_queries &&
             other.own_keys == part.own_keys && gradient.operand <= 2 && other.gradients[0]->operand <= 2;
    });
    if (alike != parts.end()) {
      alike->gradients.push_back(&gradient);
    } else {
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace sinter::passes
