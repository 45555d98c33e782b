#include <sinter/elementwise.h>
#include <sinter/optimizer.h>

#include <cmath>

namespace sinter {

SGD::SGD(SGDOptions options) : Optimizer(options.name, options.learning_rate), options_(std::move(options)) {}

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

AdamW::AdamW(AdamWOptions options)
    : Optimizer(options.name, options.learning_rate), options_(std::move(options)) {}

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
