#include "passes/differentiate/attention_operands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>

#include "ir/index/axis_groups.h"
#include "ir/loop/affine.h"
#include "ir/loop/walk.h"
#include "passes/attention/axes.h"
#include "passes/base/kernel_builder.h"
#include "passes/differentiate/activity.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {

using graph::Builder;
using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::View;

namespace {

// A view that keeps all elements is a transpose or a reshape.
View plain(View view) {
  if (view.code != OpCode::broadcast || graph::element_count(view.from) != graph::element_count(view.to)) {
    return view;
  }
  return {OpCode::reshape, {}, std::move(view.from), std::move(view.to)};
}

// Views one after the other, the innermost first.
class ViewChain {
 public:
  // Puts a view before the others, or takes away the one that undoes it.
  void prepend(const View& view) {
    if (!views_.empty()) {
      const View& next = views_.front();
      const bool reshapes = view.code == OpCode::reshape && next.code == OpCode::reshape;
      const bool is_undone =
          view.code == OpCode::transpose && next.code == OpCode::transpose && inverse(view).axes == next.axes;
      if (reshapes || is_undone) {
        const View merged{OpCode::reshape, {}, view.from, next.to};
        views_.erase(views_.begin());
        if (merged.from != merged.to) prepend(merged);
        return;
      }
    }
    if (view.code != OpCode::reshape || view.from != view.to) views_.insert(views_.begin(), view);
  }
  void prepend(const std::vector<View>& views) {
    for (size_t i = views.size(); i-- > 0;) prepend(views[i]);
  }

  // The index into what is viewed, for one into the result.
  Index source(Index at, const loop::RangeMap& ranges) const {
    for (size_t i = views_.size(); i-- > 0;) at = loop::source_of(views_[i], at, ranges);
    return at;
  }

  Value apply(Builder& b, Value value) const {
    for (const View& view : views_) value = apply(b, value, view, view.to);
    return value;
  }

  // The same where of each axis of the result all is wanted, or what lies at its begin.
  Value apply(Builder& b, Value value, const Shape& part) const {
    std::vector<Shape> parts{part};  // of the views' results, the last first
    for (size_t i = views_.size(); i-- > 0;) {
      const auto source = part_of_source(views_[i], parts.back());
      if (!source) break;
      parts.push_back(*source);
    }
    if (parts.size() != views_.size() + 1 || parts.back() != value.shape()) {
      return b.slice(apply(b, value), std::vector<int64_t>(part.size(), 0), part);
    }
    for (size_t i = 0; i < views_.size(); ++i) {
      value = apply(b, value, views_[i], parts[views_.size() - 1 - i]);
    }
    return value;
  }

  std::string key() const {
    std::string text;
    for (const View& view : views_) {
      text += fmt::format("{} [{}] [{}];", graph::name(view.code), fmt::join(view.axes, ","),
                          fmt::join(view.to, ","));
    }
    return text;
  }

 private:
  static Value apply(Builder& b, Value value, const View& view, const Shape& to) {
    if (view.code == OpCode::reshape) return b.reshape(value, to);
    if (view.code == OpCode::transpose) return b.transpose(value, view.axes);
    return b.broadcast(value, to, view.axes);
  }

  // What such a part of the result is read from; nothing where that is no such part of the operand.
  static std::optional<Shape> part_of_source(const View& view, const Shape& part) {
    Shape source(view.from.size(), 1);
    for (size_t i = 0; i < view.axes.size(); ++i) {
      const auto axis = static_cast<size_t>(view.axes[i]);
      if (view.code == OpCode::transpose) source[axis] = part[i];
      if (view.code == OpCode::broadcast && view.from[i] != 1) source[i] = part[axis];
    }
    if (view.code != OpCode::reshape) return source;
    const auto groups = loop::group_axes(view.from, view.to);
    if (!groups) return std::nullopt;
    for (const loop::AxisGroup& group : *groups) {
      const auto begin = part.begin() + group.to_begin, end = part.begin() + group.to_end;
      const bool is_all = std::equal(begin, end, view.to.begin() + group.to_begin);
      if (!is_all && !std::all_of(begin, end, [](int64_t extent) { return extent == 1; }))
        return std::nullopt;
      for (auto i = static_cast<size_t>(group.from_begin); is_all && std::cmp_less(i, group.from_end); ++i) {
        source[i] = view.from[i];
      }
    }
    return source;
  }

  std::vector<View> views_;
};

// Makes the kernel anew, with elementwise ops over its whole domain between what it reads and the scores.
class Rewriter {
 public:
  Rewriter(Builder& outer, const Op& kernel, const std::vector<bool>& wanted)
      : outer_(outer),
        old_(kernel),
        parts_(AttentionBody::of(kernel)),
        parameters_(kernel.body->parameters()),
        made_(graph::Anchor::attention, kernel.location),
        b_(outer.module(), made_.body()) {
    const AttentionAxes axes(kernel);
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!wanted[i] || axes.has_own_elements(i)) continue;
      if (i < 3) splits_domain_ = true;
      if (i >= 3) replaced_.insert(parameters_[i]->result());
    }
    for (const auto& op : kernel.body->ops()) {
      if (op.get() == parts_.softmax) continue;
      const auto is_replaced = [&](Value operand) { return replaced_.contains(operand); };
      if (std::ranges::any_of(op->operands, is_replaced)) replaced_.insert(op->result());
    }
  }

  bool is_needed() const { return splits_domain_ || !replaced_.empty(); }

  // Nothing where there is no such kernel.
  std::optional<Value> run(const std::vector<bool>& wanted) {
    choose_domain();
    for (size_t i = 0; i < 3; ++i) {
      copies_[parameters_[i]->result()] = made_.own_parameter(old_.operands[i]);
    }
    const Value masked = in_domain(parts_.masked(), to_domain_);
    if (!masked) return std::nullopt;
    b_.set_location(parts_.softmax->location);
    made_weights_ = b_.emit(OpCode::softmax, {masked}, {{"axis", key_}}).result();
    ViewChain from_domain;
    if (splits_domain_) from_domain.prepend(score_views_);
    copies_[parts_.weights()] = from_domain.apply(b_, made_weights_);

    Value kept;
    if (replaced_.contains(parts_.kept())) {
      const std::vector<View> kept_views = views_between(parts_.kept(), parts_.weights());
      ViewChain to_domain = to_domain_;
      for (const View& view : kept_views) to_domain.prepend(inverse(view));
      from_domain = {};
      from_domain.prepend(kept_views);
      if (splits_domain_) from_domain.prepend(score_views_);
      kept = in_domain(parts_.kept(), to_domain);
      if (kept) kept = from_domain.apply(b_, kept);
    } else {
      kept = copy(parts_.kept());
    }
    if (!kept) return std::nullopt;
    b_.set_location(parts_.product->location);
    const Value v = copies_[parameters_[2]->result()];
    made_.output(b_.contract(kept, v, parts_.product->attributes.text("dims")));
    return finish(wanted);
  }

 private:
  // The views on the way from `inner` to `outer`, the innermost first.
  std::vector<View> views_between(Value outer, Value inner) const {
    std::vector<View> views;
    for (Value value = outer; value != inner;) {
      const Op& op = *value.op;
      if (loop::is_plain_view(op)) views.insert(views.begin(), plain(loop::view_of(op)));
      for (Value operand : op.operands) {
        if (trace(operand, Index(operand.shape().size(), loop::integer(0)), inner, {})) value = operand;
      }
    }
    return views;
  }

  // Where an axis of the domain is several of the queries', keys' or values', that of the scores is taken.
  void choose_domain() {
    domain_ = parts_.domain;
    key_ = static_cast<int64_t>(parts_.key);
    if (splits_domain_) {
      score_views_ = views_between(parts_.masked(), const_cast<Op*>(parts_.scores)->result());
      for (const View& view : score_views_) to_domain_.prepend(inverse(view));
      domain_ = parts_.scores->results[0].shape;
    }
    auto fresh = loop::fresh_index(domain_, ranges_);
    at_ = std::move(fresh.at);
    variables_ = std::move(fresh.variables);
    if (!splits_domain_) return;
    const auto key = loop::make_variable("key");
    Index old(parts_.domain.size(), loop::integer(0));
    old[parts_.key] = loop::variable(key);
    ranges_[key] = {0, parts_.domain[parts_.key]};
    const auto letters = parts_.score_letters(old, ranges_);
    const ContractDims dims = ContractDims::parse(parts_.scores->attributes.text("dims"));
    for (size_t i = 0; i < dims.result.size(); ++i) {
      const Expr& x = letters.at(dims.result[i]);
      if (x->kind == loop::ExprNode::Kind::variable && x->variable == key) key_ = static_cast<int64_t>(i);
    }
  }

  // A value that depends on nothing that is replaced, as it was.
  Value copy(Value value) {
    if (const auto it = copies_.find(value); it != copies_.end()) return it->second;
    if (value.op->code == OpCode::parameter) {
      const auto i = static_cast<size_t>(std::ranges::find(parameters_, value.op) - parameters_.begin());
      return copies_[value] = made_.own_parameter(old_.operands[i]);
    }
    for (Value operand : value.op->operands) copy(operand);
    return graph::clone_op(*value.op, made_.body(), copies_).result(value.index);
  }

  // A value seen through `chain`, which has the shape of the domain; null where it cannot be made.
  Value in_domain(Value value, ViewChain chain) {
    if (value == parts_.weights()) {
      if (splits_domain_) chain.prepend(score_views_);
      return chain.apply(b_, made_weights_);
    }
    const auto key = std::pair(value, chain.key());
    if (const auto it = domain_values_.find(key); it != domain_values_.end()) return it->second;
    return domain_values_[key] = make_in_domain(value, chain);
  }

  Value make_in_domain(Value value, ViewChain chain) {
    const Op& op = *value.op;
    if (!replaced_.contains(value)) return chain.apply(b_, copy(value));
    if (op.code == OpCode::parameter) return read(op, chain);
    if (loop::is_plain_view(op)) {
      chain.prepend(plain(loop::view_of(op)));
      return in_domain(op.operands[0], chain);
    }
    if (op.kind() != OpKind::elementwise) return {};
    std::vector<Value> operands;
    for (Value operand : op.operands) {
      operands.push_back(in_domain(operand, chain));
      if (!operands.back()) return {};
    }
    b_.set_location(op.location);
    return b_.emit(op.code, std::move(operands), op.attributes).result();
  }

  // What a parameter that is replaced has at each place: read from a view of it along the axes that it varies
  // along.
  Value read(const Op& parameter, const ViewChain& chain) {
    const Shape& shape = parameter.results[0].shape;
    const Expr place = loop::simplify(linearize(chain.source(at_, ranges_), shape), ranges_);
    for (const Read& known : reads_) {
      if (known.parameter == &parameter && loop::same(known.place, place)) return known.value;
    }
    Shape part = domain_;
    for (size_t axis = 0; axis < part.size(); ++axis) {
      if (!loop::depends_on(place, variables_[axis])) part[axis] = 1;
    }
    const auto i = static_cast<size_t>(std::ranges::find(parameters_, &parameter) - parameters_.begin());
    outer_.set_location(old_.location);
    const Value made = made_.own_parameter(chain.apply(outer_, old_.operands[i], part));
    reads_.push_back({&parameter, place, made_.operands() - 1, b_.broadcast_to(made, domain_)});
    return reads_.back().value;
  }

  std::optional<Value> finish(const std::vector<bool>& wanted) {
    const auto parts = AttentionBody::match(made_.body());
    if (!parts) return std::nullopt;
    std::unique_ptr<Op> made = made_.finish();
    parts->write_to(*made);
    const AttentionAxes axes(*made);
    for (size_t i = 0; i < 3; ++i) {
      if (wanted[i] && !axes.has_own_elements(i)) return std::nullopt;
    }
    for (const Read& known : reads_) {
      if (!axes.has_own_elements(known.operand)) return std::nullopt;
    }
    return outer_.function().append(std::move(made)).result();
  }

  struct Read {
    const Op* parameter;
    Expr place;
    size_t operand;  // of the kernel that is made
    Value value;
  };
  struct KeyLess {
    using Key = std::pair<Value, std::string>;
    bool operator()(const Key& a, const Key& b) const {
      return std::tie(a.first.op, a.first.index, a.second) < std::tie(b.first.op, b.first.index, b.second);
    }
  };

  Builder& outer_;
  const Op& old_;
  AttentionBody parts_;
  std::vector<Op*> parameters_;
  KernelBuilder made_;
  Builder b_;
  bool splits_domain_ = false;                            // its axes become those of the scores
  std::unordered_set<Value, graph::ValueHash> replaced_;  // parameters, and what depends on them

  std::vector<View> score_views_;  // from the scores to the old domain
  ViewChain to_domain_;            // from the old one
  Shape domain_;
  int64_t key_ = 0;
  std::vector<loop::VariableRef> variables_;
  loop::RangeMap ranges_;
  Index at_;

  graph::ValueMap<Value> copies_;
  std::map<KeyLess::Key, Value, KeyLess> domain_values_;
  std::vector<Read> reads_;
  Value made_weights_;
};

}  // namespace

std::vector<bool> leading_operands(const Op& kernel, std::vector<bool> wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = wanted[i] && depending_on(*kernel.body, {kernel.body->parameters()[i]->result()})
                                 .contains(kernel.body->outputs[0].value);
  }
  return wanted;
}

std::optional<std::vector<Value>> with_own_elements(Builder& builder, const Op& kernel,
                                                    const std::vector<bool>& wanted) {
  const std::vector<bool> leading = leading_operands(kernel, wanted);
  Rewriter rewriter(builder, kernel, leading);
  if (!rewriter.is_needed()) return std::nullopt;
  const auto made = rewriter.run(leading);
  if (!made) return inline_function(builder.function(), *kernel.body, kernel.operands);
  std::vector<Value> results{*made};
  if (kernel.results.size() > 1) {
    // An earlier gradient reads its statistics.
    graph::ValueMap<Value> same;
    for (Value operand : kernel.operands) same[operand] = operand;
    Op& again = graph::clone_op(kernel, builder.function(), same);
    for (size_t i = 1; i < kernel.results.size(); ++i) results.push_back(again.result(static_cast<int>(i)));
  }
  return results;
}

}  // namespace sinter::passes
