#include <sinter/elementwise.h>
#include <sinter/training/optimizers.h>

#include "frontend/base/ranges.h"
#include "frontend/training/means.h"

namespace sinter {

SGD::SGD(SGDOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("SGD", where);
  ranges.fraction("momentum", options_.momentum);
  ranges.not_negative("weight_decay", options_.weight_decay);
  ranges.fraction("dampening", options_.dampening);
  if (options_.nesterov && options_.momentum == 0) ranges.fail("nesterov takes a momentum above 0");
  if (options_.nesterov && options_.dampening != 0) ranges.fail("nesterov takes no dampening");
}

std::vector<Tensor> SGD::update(const std::vector<Slot>& slots, const Tensor& updates) {
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    Tensor step = with_decay(options_, slot);
    if (options_.momentum != 0) {
      Variable& velocity = moment("velocity", parameter);
      Tensor added = step;
      if (options_.dampening != 0) {
        added = step * cast(where(updates == 1, 1, 1 - options_.dampening), step.dtype());
      }
      const Tensor moved = velocity * options_.momentum + added;
      velocity.assign(moved);
      step = options_.nesterov ? step + moved * options_.momentum : moved;
    }
    results.push_back(value - step * cast(rate, value.dtype()));
  }
  return results;
}

RMSprop::RMSprop(RMSpropOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("RMSprop", where);
  ranges.below_one("alpha", options_.alpha);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.fraction("momentum", options_.momentum);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> RMSprop::update(const std::vector<Slot>& slots, const Tensor&) {
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const Tensor g = with_decay(options_, slot);
    const Tensor v = blend_mean(moment("squares", parameter), square(g), options_.alpha);
    Tensor spread = v;
    if (options_.centered) spread = v - square(move_mean(moment("mean", parameter), g, 1 - options_.alpha));
    Tensor step = g / (sqrt(spread) + options_.epsilon);
    if (options_.momentum != 0) {
      Variable& velocity = moment("velocity", parameter);
      step = velocity * options_.momentum + step;
      velocity.assign(step);
    }
    results.push_back(value - step * cast(rate, value.dtype()));
  }
  return results;
}

Adagrad::Adagrad(AdagradOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Adagrad", where);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> Adagrad::update(const std::vector<Slot>& slots, const Tensor&) {
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const Tensor g = with_decay(options_, slot);
    Variable& squares = moment("squares", parameter);
    const Tensor sum = squares + square(g);
    squares.assign(sum);
    results.push_back(value - g / (sqrt(sum) + options_.epsilon) * cast(rate, value.dtype()));
  }
  return results;
}

Lion::Lion(LionOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Lion", where);
  ranges.below_one("beta1", options_.beta1);
  ranges.below_one("beta2", options_.beta2);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> Lion::update(const std::vector<Slot>& slots, const Tensor&) {
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    Variable& mean = moment("mean", parameter);
    const Tensor m = mean;
    Tensor step = sign(m * options_.beta1 + gradient * (1 - options_.beta1));
    blend_mean(mean, gradient, options_.beta2);
    if (const double decay = decay_of(options_, slot); decay != 0) step = step + value * decay;
    results.push_back(value - step * cast(rate, value.dtype()));
  }
  return results;
}

}  // namespace sinter
