#include "passes/differentiate/attention.h"

#include <algorithm>
#include <limits>

#include "ir/graph/anchor.h"
#include "passes/attention/axes.h"
#include "passes/attention/signature.h"
#include "passes/base/kernel_builder.h"
#include "passes/differentiate/attention_operands.h"
#include "passes/differentiate/backward.h"
#include "passes/differentiate/differentiate.h"

namespace sinter::passes {

using graph::Builder;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// Lets the forward kernel return each row's shift, which is its maximum, or 0 where that is -inf, and its sum
// of exponentials, or 1 there.
void keep_statistics(graph::Module& module, Op& kernel) {
  if (kernel.results.size() > 1) return;
  Builder b(module, *kernel.body);
  b.set_location(kernel.location);
  const AttentionBody parts = AttentionBody::of(kernel);
  const Value x = parts.masked();
  const auto axis = static_cast<int64_t>(parts.key);
  const Value maximum = b.reduce_max(x, {axis});
  const Value alive = b.not_equal(maximum, b.scalar_like(-std::numeric_limits<double>::infinity(), x));
  const Value shift = b.select(alive, maximum, b.scalar_like(0, x));
  const Value exponentials = b.exp(b.sub(x, b.expand_dims(shift, {axis})));
  const Value sum = b.reduce_sum(exponentials, {axis});
  const Value total = b.select(alive, sum, b.scalar_like(1, x));
  b.output("shift", shift);
  b.output("total", total);
  kernel.results.push_back(shift.type());
  kernel.results.push_back(total.type());
}

// Operands whose gradients one kernel makes.
using Share = std::vector<size_t>;

// A kernel runs in parallel over the axes that all its gradients have: those of k and v, which sum over
// queries, and that of q, which sums over keys, share one kernel where there are heads enough to keep a
// machine busy; a broadcast bias gets a kernel of its own, so that it does not hold up the others.
std::vector<Share> shares(const Op& kernel, const std::vector<bool>& wanted) {
  constexpr int64_t kEnoughUnits = 8;
  constexpr int64_t kLittleWork = 1 << 16;  // scores
  const AttentionAxes axes(kernel);
  const auto one_pass = [&] {
    const int64_t units = axes.units(axes.common({0, 1, 2}));
    return units >= kEnoughUnits || graph::element_count(axes.domain()) <= kLittleWork;
  };
  std::vector<Share> result;
  const bool any_key = wanted[1] || wanted[2];
  if (wanted[0]) result.push_back({0});
  if (any_key) {
    if (result.empty() || !one_pass()) result.emplace_back();
    for (size_t operand : {1, 2}) {
      if (wanted[operand]) result.back().push_back(operand);
    }
  }
  Share apart;
  for (size_t operand = 3; operand < wanted.size(); ++operand) {
    if (!wanted[operand]) continue;
    const auto host = std::ranges::find_if(result, [&](const Share& share) {
      Share with = share;
      with.push_back(operand);
      return axes.common(with) == axes.common(share);
    });
    (host != result.end() ? *host : apart).push_back(operand);
  }
  if (!apart.empty()) result.push_back(apart);
  return result;
}

std::unique_ptr<Op> backward_kernel(const Vjp& v, const Share& share) {
  Op& forward = v.op;
  KernelBuilder kernel(graph::Anchor::attention_backward, forward.location);
  graph::ValueMap<Value> map;
  std::vector<Value> parameters;
  for (Op* parameter : forward.body->parameters()) {
    parameters.push_back(kernel.own_parameter(forward.operands[parameters.size()]));
    map[parameter->result()] = parameters.back();
  }
  const Value cotangent = add_backward_parameters(kernel, forward, v.g);
  const Op* last = forward.body->outputs[0].value.op;
  for (const auto& op : forward.body->ops()) {
    if (op->code != OpCode::parameter) graph::clone_op(*op, kernel.body(), map);
    if (op.get() == last) break;
  }
  std::vector<Value> wrt;
  for (size_t operand : share) wrt.push_back(parameters[operand]);
  Builder b(v.module, kernel.body());
  b.set_location(forward.location);
  for (Value gradient : backward(b, {map.at(forward.body->outputs[0].value)}, {cotangent}, wrt)) {
    kernel.output(gradient);
  }
  std::unique_ptr<Op> made = kernel.finish();
  AttentionBody::of(forward).write_to(*made);
  write_backward_signature(*made, share);
  return made;
}

}  // namespace

bool is_attention(const Op& op) {
  return graph::is_kernel(op, graph::Anchor::attention);
}

std::vector<Value> attention_vjp(const Vjp& v) {
  Op& forward = v.op;
  keep_statistics(v.module, forward);
  std::vector<Value> result(forward.operands.size());
  for (const Share& share : shares(forward, leading_operands(forward, v.wanted))) {
    Op& made = v.b.function().append(backward_kernel(v, share));
    for (size_t i = 0; i < share.size(); ++i) result[share[i]] = made.result(static_cast<int>(i));
  }
  return result;
}

}  // namespace sinter::passes
