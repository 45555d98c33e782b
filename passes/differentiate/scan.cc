#include <algorithm>

#include "ir/error.h"
#include "passes/differentiate/activity.h"
#include "passes/differentiate/vjp.h"
#include "passes/differentiate/vjp_function.h"
#include "passes/inline_calls/inline_calls.h"

// The VJP of a scan is a scan in the other direction. Its carries are the cotangents of the forward carries
// and the sums so far of the constants' cotangents; at each step it sees that step's carries, inputs, and
// cotangents of outputs, repeats the step as far as needed, and returns the cotangents of the step's inputs.
// The forward scan is made to return the carries that each step began with.
namespace sinter::passes {
namespace {

using graph::Builder;
using graph::Function;
using graph::Op;
using graph::Value;

// What stands where in the operands of a scan, which are the parameters of its body too.
struct Layout {
  size_t carries, steps, constants;

  explicit Layout(const Op& op)
      : carries(static_cast<size_t>(op.attributes.integer("carries"))),
        steps(op.operands.size() - carries - static_cast<size_t>(op.attributes.integer("constants"))),
        constants(static_cast<size_t>(op.attributes.integer("constants"))) {}

  bool is_carry(size_t i) const { return i < carries; }
  bool is_step(size_t i) const { return i >= carries && i < carries + steps; }
  bool is_constant(size_t i) const { return i >= carries + steps; }
};

// The operands that a gradient flows to: those wanted, and the carries that they reach in some step.
std::vector<bool> flowing(const Function& body, const Layout& layout, std::vector<bool> wanted) {
  const std::vector<Op*> parameters = body.parameters();
  for (bool again = true; again;) {
    again = false;
    std::vector<Value> sources;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i]) sources.push_back(parameters[i]->result());
    }
    const ValueSet reached = depending_on(body, sources);
    for (size_t i = 0; i < layout.carries; ++i) {
      if (wanted[i] || !reached.contains(body.outputs[i].value)) continue;
      wanted[i] = again = true;
    }
  }
  return wanted;
}

// The results of the scan that hold the carries each step began with, for the carries in `needed`; those it
// does not return yet are added to a copy of the body, and to the op's results.
std::vector<Value> stack_carries(const Vjp& v, const Layout& layout, const std::vector<bool>& needed) {
  const Function& body = *v.module.find_function(v.op.attributes.text("function"));
  std::unique_ptr<Function> extended = clone(body);
  const std::vector<Op*> parameters = extended->parameters();
  std::vector<Value> stacks(layout.carries);
  for (size_t i = 0; i < layout.carries; ++i) {
    if (!needed[i]) continue;
    auto& outputs = extended->outputs;
    const Value carry = parameters[i]->result();
    auto place = std::find_if(outputs.begin() + static_cast<int64_t>(layout.carries), outputs.end(),
                              [&](const graph::Output& output) { return output.value == carry; });
    if (place == outputs.end()) {
      graph::TensorType stacked = carry.type();
      stacked.shape.insert(stacked.shape.begin(), v.op.attributes.integer("length"));
      v.op.results.push_back(stacked);
      outputs.push_back({"step_" + Function::parameter_name(*parameters[i]), carry});
      place = outputs.end() - 1;
    }
    stacks[i] = v.op.result(static_cast<int>(place - outputs.begin()));
  }
  if (extended->outputs.size() != body.outputs.size()) {
    extended->rename(free_function_name(v.module, body.name() + ".carried"));
    v.op.attributes.set("function", extended->name());
    v.module.functions.push_back(std::move(extended));
  }
  return stacks;
}

// Puts the backward scan and its body together.
class BackwardScan {
 public:
  explicit BackwardScan(const Vjp& v)
      : v_(v),
        layout_(v.op),
        forward_(*v.module.find_function(v.op.attributes.text("function"))),
        flow_(flowing(forward_, layout_, v.wanted)),
        body_(std::make_unique<Function>("")),
        b_(v.module, *body_) {
    for (size_t i = 0; i < v.cotangents.size(); ++i) {
      returned_.push_back(layout_.is_carry(i) ? flow_[i] : static_cast<bool>(v.cotangents[i]));
    }
    step_ = make_vjp_function(v.module, forward_, flow_, returned_, v.op.location);
    parameters_ = step_->parameters();
    const graph::ValueMap<int> uses = count_uses(*step_);
    for (size_t i = 0; i < flow_.size(); ++i) needed_.push_back(uses.at(parameters_[i]->result()) > 0);
    arguments_.resize(parameters_.size());
  }

  // The cotangents of the forward scan's operands.
  std::vector<Value> run() {
    const auto& a = v_.op.attributes;
    const int64_t length = a.integer("length");
    const std::vector<Value> sums = take_carries();
    const auto carries = static_cast<int64_t>(operands_.size());
    take_steps();
    const size_t before = operands_.size();
    take_constants();
    const auto constants = static_cast<int64_t>(operands_.size() - before);
    const std::vector<size_t> order = give_cotangents(sums);

    body_->rename(free_function_name(v_.module, forward_.name() + ".vjp"));
    v_.module.functions.push_back(std::move(body_));
    const Function& body = *v_.module.functions.back();
    const auto results = v_.b.scan(body, operands_, carries, constants, length, !a.flag("reverse"));
    std::vector<Value> cotangents(flow_.size());
    for (size_t i = 0; i < order.size(); ++i) cotangents[order[i]] = results[i];
    return cotangents;
  }

 private:
  // Passes `operand` to the body as a parameter like the step's `i`.
  Value take(size_t i, Value operand, const std::string& prefix = "") {
    operands_.push_back(operand);
    const std::string name = free_parameter_name(*body_, prefix + Function::parameter_name(*parameters_[i]));
    return b_.parameter(name, parameters_[i]->results[0]);
  }

  // The step's parameter for the cotangent of its output.
  size_t cotangent_parameter(size_t output) const {
    const auto end = returned_.begin() + static_cast<int64_t>(output);
    return flow_.size() + static_cast<size_t>(std::count(returned_.begin(), end, true));
  }

  // Returns the sums so far of the constants' cotangents.
  std::vector<Value> take_carries() {
    for (size_t i = 0; i < layout_.carries; ++i) {
      if (!flow_[i]) continue;
      const Value last = v_.cotangents[i] ? v_.cotangents[i] : v_.zeros(v_.x(i));
      const size_t parameter = cotangent_parameter(i);
      arguments_[parameter] = take(parameter, last);
    }
    std::vector<Value> sums(flow_.size());
    for (size_t i = 0; i < flow_.size(); ++i) {
      if (layout_.is_constant(i) && flow_[i]) sums[i] = take(i, v_.zeros(v_.x(i)), "sum_");
    }
    return sums;
  }

  void take_steps() {
    const std::vector<Value> stacks = stack_carries(v_, layout_, needed_);
    for (size_t i = 0; i < flow_.size(); ++i) {
      if (needed_[i] && layout_.is_carry(i)) arguments_[i] = take(i, stacks[i]);
      if (needed_[i] && layout_.is_step(i)) arguments_[i] = take(i, v_.x(i));
    }
    for (size_t i = layout_.carries; i < returned_.size(); ++i) {
      const size_t parameter = cotangent_parameter(i);
      if (returned_[i]) arguments_[parameter] = take(parameter, v_.cotangents[i]);
    }
  }

  void take_constants() {
    for (size_t i = 0; i < flow_.size(); ++i) {
      if (needed_[i] && layout_.is_constant(i)) arguments_[i] = take(i, v_.x(i));
    }
  }

  // Writes the step and its outputs: carries, sums, then what is stacked. Returns which operand of the
  // forward scan each belongs to.
  std::vector<size_t> give_cotangents(const std::vector<Value>& sums) {
    const std::vector<Value> found = inline_function(*body_, *step_, arguments_);
    std::vector<Value> cotangents(flow_.size());
    auto next = found.begin();
    for (size_t i = 0; i < flow_.size(); ++i) {
      if (flow_[i]) cotangents[i] = *next++;
      if (sums[i]) cotangents[i] = b_.add(sums[i], cotangents[i]);
    }
    std::vector<size_t> order;
    const auto give = [&](bool (Layout::*of_kind)(size_t) const) {
      for (size_t i = 0; i < flow_.size(); ++i) {
        if (!flow_[i] || !(layout_.*of_kind)(i)) continue;
        b_.output("d_" + Function::parameter_name(*parameters_[i]), cotangents[i]);
        order.push_back(i);
      }
    };
    give(&Layout::is_carry);
    give(&Layout::is_constant);
    give(&Layout::is_step);
    return order;
  }

  const Vjp& v_;
  const Layout layout_;
  const Function& forward_;
  const std::vector<bool> flow_;
  std::vector<bool> returned_;            // the outputs of the forward body that have a cotangent
  std::unique_ptr<const Function> step_;  // the VJP of the forward body
  std::vector<Op*> parameters_;           // of the step
  std::vector<bool> needed_;              // the operands of the forward scan that the step reads
  std::unique_ptr<Function> body_;
  Builder b_;
  std::vector<Value> arguments_;  // of the step, in the body
  std::vector<Value> operands_;   // of the backward scan
};

}  // namespace

std::vector<Value> scan_vjp(const Vjp& v) {
  return BackwardScan(v).run();
}

}  // namespace sinter::passes
