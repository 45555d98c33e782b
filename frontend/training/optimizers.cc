#include <sinter/elementwise.h>
#include <sinter/optimizer.h>

#include <cmath>

#include "frontend/base/ranges.h"

namespace sinter {

SGD::SGD(SGDOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("SGD", where);
  ranges.fraction("momentum", options_.momentum);
  ranges.not_negative("weight_decay", options_.weight_decay);
  if (options_.nesterov && options_.momentum == 0) ranges.fail("nesterov takes a momentum above 0");
}

std::vector<Tensor> SGD::update(const std::vector<Slot>& slots, const Context& context) {
  std::vector<Tensor> results;
  for (const auto& [parameter, value, gradient] : slots) {
    Tensor step = gradient;
    if (options_.weight_decay != 0) step = step + value * options_.weight_decay;
    if (options_.momentum != 0) {
      Variable& velocity = moment("velocity", parameter);
      const Tensor moved = velocity * options_.momentum + step;
      velocity.assign(moved);
      step = options_.nesterov ? step + moved * options_.momentum : moved;
    }
    results.push_back(value - step * cast(context.rate, value.dtype()));
  }
  return results;
}

AdamW::AdamW(AdamWOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("AdamW", where);
  ranges.require(options_.beta1 >= 0 && options_.beta1 < 1, "beta1", "in [0,1)", options_.beta1);
  ranges.require(options_.beta2 >= 0 && options_.beta2 < 1, "beta2", "in [0,1)", options_.beta2);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

// PyTorch's torch.optim.AdamW, in its order of operations. 1 - beta^t is taken as -expm1(t log(beta)), exact
// in f32 also while t is small.
std::vector<Tensor> AdamW::update(const std::vector<Slot>& slots, const Context& context) {
  const Tensor correction1 = -expm1(context.updates * std::log(options_.beta1));
  const Tensor correction2 = -expm1(context.updates * std::log(options_.beta2));
  const Tensor step_size = context.rate / correction1;
  const Tensor root = sqrt(correction2);
  const Tensor kept = 1 - context.rate * options_.weight_decay;
  std::vector<Tensor> results;
  for (const auto& [parameter, value, gradient] : slots) {
    const DType type = value.dtype();
    Variable& first = moment("first_moment", parameter);
    Variable& second = moment("second_moment", parameter);
    const Tensor old = first;
    const Tensor m = old + (gradient - old) * (1 - options_.beta1);
    const Tensor v = second * options_.beta2 + square(gradient) * (1 - options_.beta2);
    first.assign(m);
    second.assign(v);
    const bool decays = options_.weight_decay != 0 && (!options_.decays || options_.decays(parameter));
    const Tensor decayed = decays ? value * cast(kept, type) : value;
    const Tensor spread = sqrt(v) / cast(root, type) + options_.epsilon;
    results.push_back(decayed - m / spread * cast(step_size, type));
  }
  return results;
}

}  // namespace sinter
