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

// By how much a parameter decays: by its group or else by the optimiser's options.
template <typename Options, typename Slot>
double decay_of(const Options& options, const Slot& slot) {
  if (slot.weight_decay) return *slot.weight_decay;
  if constexpr (requires { options.decays; }) {
    if (options.decays && !options.decays(slot.parameter)) return 0;
  }
  return options.weight_decay;
}

// The slot's gradient of the loss and decay / 2 times the sum of the parameter's squares.
template <typename Options, typename Slot>
Tensor with_decay(const Options& options, const Slot& slot) {
  const double decay = decay_of(options, slot);
  return decay == 0 ? slot.gradient : slot.gradient + slot.value * decay;
}

// The slot's value made smaller beside its gradient.
template <typename Options, typename Slot>
Tensor decayed(const Options& options, const Slot& slot) {
  const double decay = decay_of(options, slot);
  return decay == 0 ? slot.value : slot.value * cast(1 - slot.rate * decay, slot.value.dtype());
}

}  // namespace sinter
