#pragma once

#include <sinter/elementwise.h>
#include <sinter/variable.h>

// What optimisers are made of. Each way to take a mean rounds as its source does.
namespace sinter {

// mean += (now - mean) * share
template <typename Share>
Tensor move_mean(Variable& mean, const Tensor& now, const Share& share) {
  const Tensor old = mean;
  const Tensor next = old + (now - old) * share;
  mean.assign(next);
  return next;
}

// mean = mean * kept + now * (1 - kept)
inline Tensor blend_mean(Variable& mean, const Tensor& now, double kept) {
  const Tensor next = mean * kept + now * (1 - kept);
  mean.assign(next);
  return next;
}

// The gradient of the loss and weight_decay / 2 times the sum of the parameter's squares.
inline Tensor with_decay(const Tensor& gradient, const Tensor& value, double weight_decay) {
  return weight_decay == 0 ? gradient : gradient + value * weight_decay;
}

// Whether a parameter decays beside its gradient, by an optimiser's options.
template <typename Options>
bool decays(const Options& options, const Variable& parameter) {
  return options.weight_decay != 0 && (!options.decays || options.decays(parameter));
}

}  // namespace sinter
