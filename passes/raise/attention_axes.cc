#include "passes/raise/attention_axes.h"

#include <unordered_set>

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;

namespace {

// The variables in `x`.
void collect(const Expr& x, std::unordered_set<loop::VariableRef>& variables) {
  if (x->kind == loop::ExprNode::Kind::variable) variables.insert(x->variable);
  for (const Expr& arg : x->args) collect(arg, variables);
}

// The variables in the index at which `to` is read for the element `at` of `from`, by any way of computing it
// that does not lead through a contraction or a reduction.
void variables_of(Value from, const Index& at, Value to, const loop::RangeMap& ranges,
                  std::unordered_set<loop::VariableRef>& variables) {
  if (from == to) {
    for (const Expr& x : at) collect(x, variables);
    return;
  }
  if (is_plain_view(*from.op)) {
    variables_of(from.op->operands[0], view_source(*from.op, at, ranges), to, ranges, variables);
  } else if (from.op->kind() == OpKind::elementwise) {
    for (Value operand : from.op->operands) variables_of(operand, at, to, ranges, variables);
  }
}

}  // namespace

AttentionAxes::AttentionAxes(const graph::Function& body) : parts_(*AttentionBody::find(body)) {
  loop::RangeMap ranges;
  std::vector<loop::VariableRef> axes;
  Index at;
  for (int64_t extent : parts_.domain) {
    axes.push_back(loop::make_variable("x"));
    ranges[axes.back()] = {0, extent};
    at.push_back(extent == 1 ? loop::integer(0) : loop::variable(axes.back()));
  }
  const auto of_term = [&](const AttentionBody::Letters& letters, const std::string& term,
                           std::unordered_set<loop::VariableRef>& found) {
    for (char letter : term) {
      if (const auto it = letters.find(letter); it != letters.end()) collect(it->second, found);
    }
  };
  const ContractDims first = ContractDims::parse(parts_.scores->attributes.text("dims"));
  const ContractDims second = ContractDims::parse(parts_.product->attributes.text("dims"));
  const auto scores = parts_.score_letters(at, ranges), product = parts_.product_letters(at, ranges);
  for (Op* parameter : body.parameters()) {
    std::unordered_set<loop::VariableRef> found;
    const size_t number = varies_.size();
    if (number == 0) of_term(scores, first.lhs, found);
    if (number == 1) of_term(scores, first.rhs, found);
    if (number == 2) of_term(product, second.rhs, found);
    if (number > 2) {
      variables_of(parts_.masked(), at, parameter->result(), ranges, found);
      variables_of(parts_.kept(), *parts_.kept_index(at, ranges), parameter->result(), ranges, found);
    }
    Axes varies;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      varies.push_back(parts_.domain[axis] == 1 || found.contains(axes[axis]));
    }
    varies_.push_back(std::move(varies));
  }
}

AttentionAxes::Axes AttentionAxes::common(const std::vector<size_t>& parameters) const {
  Axes axes(parts_.domain.size(), true);
  for (size_t parameter : parameters) {
    for (size_t axis = 0; axis < axes.size(); ++axis) axes[axis] = axes[axis] && varies_[parameter][axis];
  }
  return axes;
}

int64_t AttentionAxes::units(const Axes& axes) const {
  int64_t units = 1;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (axis != parts_.key && axis != parts_.query && axes[axis]) units *= parts_.domain[axis];
  }
  return units;
}

}  // namespace sinter::passes
