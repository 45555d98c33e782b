#include "passes/attention/axes.h"

#include <algorithm>
#include <unordered_set>

#include "ir/loop/affine.h"
#include "ir/loop/digits.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpKind;
using graph::Value;
using loop::Expr;

namespace {

// The variables in `x`.
void collect(const Expr& x, std::unordered_set<loop::VariableRef>& variables) {
  if (x->kind == loop::ExprNode::Kind::variable) variables.insert(x->variable);
  for (const Expr& arg : x->args) collect(arg, variables);
}

// Where a body reads its parameters, by ways that do not lead through a contraction or a reduction.
class Reads {
 public:
  explicit Reads(const loop::RangeMap& ranges) : ranges_(ranges) {}

  // All that the element `at` of `value` is computed from.
  void follow(Value value, const Index& at) {
    const Expr place = loop::simplify(linearize(at, value.shape()), ranges_);
    std::vector<Expr>& seen = places_[value];
    if (std::ranges::any_of(seen, [&](const Expr& x) { return loop::same(x, place); })) return;
    seen.push_back(place);
    const Op& op = *value.op;
    if (op.kind() != OpKind::elementwise && !loop::is_plain_view(op)) return;
    const Index source = loop::source_of(op, at, ranges_).index;
    for (Value operand : op.operands) follow(operand, source);
  }

  const std::vector<Expr>& places_of(Value value) { return places_[value]; }

 private:
  const loop::RangeMap& ranges_;
  graph::ValueMap<std::vector<Expr>> places_;
};

}  // namespace

AttentionAxes::AttentionAxes(const graph::Op& kernel) : parts_(AttentionBody::of(kernel)) {
  loop::RangeMap ranges;
  const auto [at, axes] = loop::fresh_index(parts_.domain, ranges);
  const auto of_operand = [&](const AttentionBody::Letters& letters, const std::string& term,
                              const graph::Shape& shape) {
    Index index;
    for (char letter : term) {
      const auto it = letters.find(letter);
      index.push_back(it == letters.end() ? loop::integer(0) : it->second);
    }
    return std::vector{loop::simplify(linearize(index, shape), ranges)};
  };
  const ContractDims first = ContractDims::parse(parts_.scores->attributes.text("dims"));
  const ContractDims second = ContractDims::parse(parts_.product->attributes.text("dims"));
  const auto scores = parts_.score_letters(at, ranges), product = parts_.product_letters(at, ranges);
  Reads reads(ranges);
  reads.follow(parts_.masked(), at);
  reads.follow(parts_.kept(), *parts_.kept_index(at, ranges));
  for (Op* parameter : kernel.body->parameters()) {
    const Value value = parameter->result();
    const size_t number = varies_.size();
    const std::vector<Expr> places = number == 0   ? of_operand(scores, first.lhs, value.shape())
                                     : number == 1 ? of_operand(scores, first.rhs, value.shape())
                                     : number == 2 ? of_operand(product, second.rhs, value.shape())
                                                   : reads.places_of(value);
    std::unordered_set<loop::VariableRef> found;
    for (const Expr& place : places) collect(place, found);
    Axes varies;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      varies.push_back(parts_.domain[axis] == 1 || found.contains(axes[axis]));
    }
    varies_.push_back(std::move(varies));
    has_own_elements_.push_back(places.empty() ||
                                (places.size() == 1 && loop::is_injective(places[0], ranges)));
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
