#include "passes/differentiate/backward.h"

#include <fmt/format.h>

#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "passes/differentiate/activity.h"
#include "passes/differentiate/attention.h"
#include "passes/differentiate/attention_operands.h"
#include "passes/differentiate/differentiate.h"
#include "passes/differentiate/vjp.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {
namespace {

using graph::Builder;
using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

// What stands for an op that is not differentiated itself, or not as it is; or nothing.
std::optional<std::vector<Value>> expand_op(Builder& b, Op& op, const ValueSet& dependent) {
  if (graph::is_plain_call(op)) {
    return inline_function(b.function(), *b.module().find_function(graph::callee(op)), op.operands);
  }
  if (is_attention(op)) {
    std::vector<bool> wanted;
    for (Value operand : op.operands) wanted.push_back(dependent.contains(operand));
    return with_own_elements(b, op, wanted);
  }
  if (op.body) return inline_function(b.function(), *op.body, op.operands);
  if (!vjp_rule(op.code).goes_by_definition(op)) return std::nullopt;
  b.set_location(op.location);
  return decompose(b, op.code, op.operands, op.attributes);
}

// Numpy's rule backwards: sums the leading axes that `shape` has not, and those it has with extent 1.
Value sum_to_shape(Builder& b, Value cotangent, const graph::Shape& shape) {
  if (cotangent.rank() < static_cast<int64_t>(shape.size()) || cotangent.shape() == shape) return cotangent;
  const size_t leading = cotangent.shape().size() - shape.size();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < cotangent.shape().size(); ++i) {
    if (i < leading || shape[i - leading] != cotangent.shape()[i]) axes.push_back(static_cast<int64_t>(i));
  }
  return b.reshape(b.reduce_sum(cotangent, axes), shape);
}

class Backward {
 public:
  explicit Backward(Builder& builder) : b_(builder) {}

  std::vector<Value> run(const std::vector<Value>& outputs, const std::vector<Value>& cotangents,
                         const std::vector<Value>& wrt) {
    const ValueSet dependent = depending_on(b_.function(), wrt);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (dependent.contains(outputs[i])) accumulate(outputs[i], cotangents[i]);
    }
    // Rules append to the function and may add results to an op; they take none out.
    std::vector<Op*> ops;
    for (const auto& op : b_.function().ops()) ops.push_back(op.get());
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) pull_back(**op, dependent);

    std::vector<Value> gradients;
    for (Value value : wrt) {
      const auto found = totals_.find(value);
      gradients.push_back(found != totals_.end() ? found->second : b_.constant_like(0, value));
    }
    return gradients;
  }

 private:
  void pull_back(Op& op, const ValueSet& dependent) {
    Vjp v{b_.module(), b_, op, {}, {}, {}};
    bool reached = false, leads = false;
    for (size_t i = 0; i < op.results.size(); ++i) {
      const auto found = totals_.find(op.result(static_cast<int>(i)));
      v.cotangents.push_back(found != totals_.end() ? found->second : Value());
      reached = reached || v.cotangents.back();
    }
    for (Value operand : op.operands) {
      v.wanted.push_back(dependent.contains(operand));
      leads = leads || v.wanted.back();
    }
    if (!reached || !leads) return;

    b_.set_location(op.location);
    v.g = v.cotangents[0];
    const VjpRule& rule = vjp_rule(op.code);
    switch (rule.kind) {
      case VjpRule::Kind::per_operand:
        for (size_t i = 0; v.g && i < op.operands.size(); ++i) {
          if (v.wanted[i]) accumulate(op.operands[i], rule.operand(v, i));
        }
        return;
      case VjpRule::Kind::whole: {
        const std::vector<Value> found = rule.all(v);
        for (size_t i = 0; i < v.wanted.size(); ++i) {
          if (v.wanted[i] && found[i]) accumulate(op.operands[i], found[i]);
        }
        return;
      }
      case VjpRule::Kind::zero:
        return;
      case VjpRule::Kind::by_definition:
      case VjpRule::Kind::missing:
        throw GraphError(fmt::format("{}: has no derivative rule{}", name(op.code), at(op.location)));
    }
  }

  void accumulate(Value value, Value cotangent) {
    cotangent = sum_to_shape(b_, cotangent, value.shape());
    if (cotangent.type() != value.type()) {
      throw InternalError(fmt::format("differentiate: a cotangent of {} for {} of {}",
                                      to_string(cotangent.type()), name(value.op->code),
                                      to_string(value.type())));
    }
    Value& total = totals_[value];
    total = total ? b_.add(total, cotangent) : cotangent;
  }

  Builder& b_;
  graph::ValueMap<Value> totals_;
};

}  // namespace

std::vector<Value> backward(Builder& builder, std::vector<Value> outputs, std::vector<Value> cotangents,
                            std::vector<Value> wrt) {
  Replacements replacements;
  return backward(builder, std::move(outputs), std::move(cotangents), std::move(wrt), replacements);
}

std::vector<Value> backward(Builder& builder, std::vector<Value> outputs, std::vector<Value> cotangents,
                            std::vector<Value> wrt, Replacements& replacements) {
  const graph::Location location = builder.location();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type() == cotangents[i].type()) continue;
    throw GraphError(fmt::format("differentiate: the cotangent of {} is {}{}", to_string(outputs[i].type()),
                                 to_string(cotangents[i].type()), at(location)));
  }
  for (Value value : wrt) {
    if (is_floating(value.dtype())) continue;
    throw GraphError(fmt::format("differentiate: only floating values have a gradient, got {}{}",
                                 to_string(value.type()), at(location)));
  }

  // A definition may use composites, and a callee call others.
  for (bool again = true; again;) {
    again = false;
    const auto active = ops_between(builder.function(), wrt, outputs);
    const ValueSet dependent = depending_on(builder.function(), wrt);
    rewrite_ops(builder.function(), replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
      if (!active.contains(&op)) return std::nullopt;
      auto results = expand_op(builder, op, dependent);
      again = again || results;
      return results;
    });
    for (std::vector<Value>* values : {&outputs, &cotangents, &wrt}) replacements.apply(*values);
  }

  builder.set_location(location);
  std::vector<Value> gradients = Backward(builder).run(outputs, cotangents, wrt);
  builder.set_location(location);
  return gradients;
}

}  // namespace sinter::passes
