#include <algorithm>

#include "ir/error.h"
#include "passes/differentiate/activity.h"
#include "passes/differentiate/vjp.h"
#include "passes/differentiate/vjp_function.h"
#include "passes/inline_calls.h"

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

// Puts the backward scan and its body together, operand by operand.
class BackwardScan {
 public:
  BackwardScan(const Vjp& v, const Function& step)
      : v_(v), body_(std::make_unique<Function>("")), b_(v.module, *body_), step_(step) {}

  // A parameter of the body like the step's `i`, and the operand of the scan that it stands for.
  Value take(size_t i, const std::string& prefix, Value operand) {
    const Op& parameter = *step_.parameters()[i];
    operands_.push_back(operand);
    const std::string name = free_parameter_name(*body_, prefix + Function::parameter_name(parameter));
    return b_.parameter(name, parameter.results[0]);
  }

  Builder& builder() { return b_; }
  Function& body() { return *body_; }

  std::vector<Value> finish(int64_t carries, int64_t constants) {
    const auto& a = v_.op.attributes;
    body_->rename(free_function_name(v_.module, a.text("function") + ".vjp"));
    v_.module.functions.push_back(std::move(body_));
    return v_.b.scan(*v_.module.functions.back(), operands_, carries, constants, a.integer("length"),
                     !a.flag("reverse"));
  }

 private:
  const Vjp& v_;
  std::unique_ptr<Function> body_;
  Builder b_;
  const Function& step_;
  std::vector<Value> operands_;
};

}  // namespace

std::vector<Value> scan_vjp(const Vjp& v) {
  const Layout layout(v.op);
  const Function& forward = *v.module.find_function(v.op.attributes.text("function"));
  const size_t inputs = v.op.operands.size();
  const std::vector<bool> flow = flowing(forward, layout, v.wanted);
  std::vector<bool> returned;  // the outputs of the body that have a cotangent
  for (size_t i = 0; i < v.cotangents.size(); ++i) {
    returned.push_back(layout.is_carry(i) ? flow[i] : static_cast<bool>(v.cotangents[i]));
  }
  const auto step = make_vjp_function(v.module, forward, flow, returned, v.op.location);
  const graph::ValueMap<int> uses = count_uses(*step);
  const std::vector<Op*> parameters = step->parameters();
  std::vector<bool> needed;
  for (size_t i = 0; i < inputs; ++i) needed.push_back(uses.at(parameters[i]->result()) > 0);
  const std::vector<Value> stacks = stack_carries(v, layout, needed);

  // Carries: the cotangents of carries, then the sums of the constants' cotangents.
  BackwardScan scan(v, *step);
  std::vector<Value> arguments(parameters.size()), sums(inputs);
  int64_t carries = 0, constants = 0;
  const auto cotangent_parameter = [&](size_t output) {
    return inputs + static_cast<size_t>(
                        std::count(returned.begin(), returned.begin() + static_cast<int64_t>(output), true));
  };
  for (size_t i = 0; i < layout.carries; ++i) {
    if (!flow[i]) continue;
    const Value last = v.cotangents[i] ? v.cotangents[i] : v.zeros(v.x(i));
    arguments[cotangent_parameter(i)] = scan.take(cotangent_parameter(i), "", last);
    ++carries;
  }
  for (size_t i = 0; i < inputs; ++i) {
    if (!layout.is_constant(i) || !flow[i]) continue;
    sums[i] = scan.take(i, "sum_", v.zeros(v.x(i)));
    ++carries;
  }
  // Per-step inputs: the carries and inputs of the step, the cotangents of its outputs.
  for (size_t i = 0; i < inputs; ++i) {
    if (needed[i] && layout.is_carry(i)) arguments[i] = scan.take(i, "", stacks[i]);
    if (needed[i] && layout.is_step(i)) arguments[i] = scan.take(i, "", v.x(i));
  }
  for (size_t i = layout.carries; i < returned.size(); ++i) {
    if (returned[i])
      arguments[cotangent_parameter(i)] = scan.take(cotangent_parameter(i), "", v.cotangents[i]);
  }
  for (size_t i = 0; i < inputs; ++i) {
    if (!needed[i] || !layout.is_constant(i)) continue;
    arguments[i] = scan.take(i, "", v.x(i));
    ++constants;
  }

  const std::vector<Value> found = inline_function(scan.body(), *step, arguments);
  // The step returns its gradients in the order of its parameters; the scan returns carries, sums, then the
  // rest.
  std::vector<size_t> order;
  std::vector<Value> gradients(inputs);
  size_t next = 0;
  for (size_t i = 0; i < inputs; ++i) {
    if (flow[i]) gradients[i] = found[next++];
  }
  Builder& b = scan.builder();
  const auto give = [&](size_t i, Value value) {
    if (!flow[i]) return;
    order.push_back(i);
    b.output("d_" + Function::parameter_name(*parameters[i]), value);
  };
  for (size_t i = 0; i < layout.carries; ++i) give(i, gradients[i]);
  for (size_t i = layout.carries + layout.steps; i < inputs; ++i) {
    give(i, flow[i] ? b.add(sums[i], gradients[i]) : Value());
  }
  for (size_t i = layout.carries; i < layout.carries + layout.steps; ++i) give(i, gradients[i]);

  const std::vector<Value> results = scan.finish(carries, constants);
  std::vector<Value> cotangents(inputs);
  for (size_t i = 0; i < order.size(); ++i) cotangents[order[i]] = results[i];
  return cotangents;
}

}  // namespace sinter::passes
