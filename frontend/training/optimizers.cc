#include <sinter/elementwise.h>
#include <sinter/training/optimizers.h>

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

RMSprop::RMSprop(RMSpropOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("RMSprop", where);
  ranges.require(options_.alpha >= 0 && options_.alpha < 1, "alpha", "in [0,1)", options_.alpha);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.fraction("momentum", options_.momentum);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> RMSprop::update(const std::vector<Slot>& slots, const Context& context) {
  std::vector<Tensor> results;
  for (const auto& [parameter, value, gradient] : slots) {
    const Tensor g = options_.weight_decay == 0 ? gradient : gradient + value * options_.weight_decay;
    Variable& squares = moment("squares", parameter);
    const Tensor v = squares * options_.alpha + square(g) * (1 - options_.alpha);
    squares.assign(v);
    Tensor spread = v;
    if (options_.centered) {
      Variable& mean = moment("mean", parameter);
      const Tensor old = mean;
      const Tensor m = old + (g - old) * (1 - options_.alpha);
      mean.assign(m);
      spread = v - square(m);
    }
    Tensor step = g / (sqrt(spread) + options_.epsilon);
    if (options_.momentum != 0) {
      Variable& velocity = moment("velocity", parameter);
      step = velocity * options_.momentum + step;
      velocity.assign(step);
    }
    results.push_back(value - step * cast(context.rate, value.dtype()));
  }
  return results;
}

Adagrad::Adagrad(AdagradOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Adagrad", where);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> Adagrad::update(const std::vector<Slot>& slots, const Context& context) {
  std::vector<Tensor> results;
  for (const auto& [parameter, value, gradient] : slots) {
    const Tensor g = options_.weight_decay == 0 ? gradient : gradient + value * options_.weight_decay;
    Variable& squares = moment("squares", parameter);
    const Tensor sum = squares + square(g);
    squares.assign(sum);
    results.push_back(value - g / (sqrt(sum) + options_.epsilon) * cast(context.rate, value.dtype()));
  }
  return results;
}

Lion::Lion(LionOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Lion", where);
  ranges.require(options_.beta1 >= 0 && options_.beta1 < 1, "beta1", "in [0,1)", options_.beta1);
  ranges.require(options_.beta2 >= 0 && options_.beta2 < 1, "beta2", "in [0,1)", options_.beta2);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> Lion::update(const std::vector<Slot>& slots, const Context& context) {
  std::vector<Tensor> results;
  for (const auto& [parameter, value, gradient] : slots) {
    Variable& mean = moment("mean", parameter);
    const Tensor m = mean;
    Tensor step = sign(m * options_.beta1 + gradient * (1 - options_.beta1));
    mean.assign(m * options_.beta2 + gradient * (1 - options_.beta2));
    if (options_.weight_decay != 0 && (!options_.decays || options_.decays(parameter)))
      step = step + value * options_.weight_decay;
    results.push_back(value - step * cast(context.rate, value.dtype()));
  }
  return results;
}

}  // namespace sinter
