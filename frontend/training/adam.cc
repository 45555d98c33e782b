#include <sinter/elementwise.h>
#include <sinter/reductions.h>
#include <sinter/training/optimizers.h>

#include <cmath>

#include "frontend/base/ranges.h"
#include "frontend/training/means.h"

// Adam and what is made of it, in PyTorch's order of operations.
namespace sinter {
namespace {

template <typename Options>
void check(std::string_view owner, const Options& options, const std::source_location& where) {
  const Ranges ranges(owner, where);
  ranges.below_one("beta1", options.beta1);
  ranges.below_one("beta2", options.beta2);
  ranges.not_negative("epsilon", options.epsilon);
  ranges.not_negative("weight_decay", options.weight_decay);
}

// The means that are kept after `updates`, as shares of those without the zeros that they began with: 1 -
// beta^t, taken as -expm1(t log(beta)), exact in f32 also while t is small.
struct Corrections {
  template <typename Options>
  Corrections(const Options& options, const Tensor& updates)
      : first(-expm1(updates * std::log(options.beta1))),
        root(sqrt(-expm1(updates * std::log(options.beta2)))) {}

  Tensor first, root;
};

// first_moment / (sqrt(second_moment) / root + epsilon), after both were moved.
template <typename Options>
Tensor direction(const Options& options, Variable& first, Variable& second, const Tensor& gradient,
                 const Tensor& root) {
  const Tensor m = move_mean(first, gradient, 1 - options.beta1);
  const Tensor v = blend_mean(second, square(gradient), options.beta2);
  return m / (sqrt(v) / cast(root, gradient.dtype()) + options.epsilon);
}

}  // namespace

Adam::Adam(AdamOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  check("Adam", options_, where);
}

std::vector<Tensor> Adam::update(const std::vector<Slot>& slots, const Tensor& updates) {
  const Corrections corrections(options_, updates);
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const Tensor g = with_decay(options_, slot);
    const Tensor step = direction(options_, moment("first_moment", parameter),
                                  moment("second_moment", parameter), g, corrections.root);
    results.push_back(value - step * cast(rate / corrections.first, value.dtype()));
  }
  return results;
}

AdamW::AdamW(AdamWOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  check("AdamW", options_, where);
}

std::vector<Tensor> AdamW::update(const std::vector<Slot>& slots, const Tensor& updates) {
  const Corrections corrections(options_, updates);
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const DType type = value.dtype();
    const Tensor step = direction(options_, moment("first_moment", parameter),
                                  moment("second_moment", parameter), gradient, corrections.root);
    results.push_back(decayed(options_, slot) - step * cast(rate / corrections.first, type));
  }
  return results;
}

LAMB::LAMB(LAMBOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  check("LAMB", options_, where);
}

std::vector<Tensor> LAMB::update(const std::vector<Slot>& slots, const Tensor& updates) {
  const Corrections corrections(options_, updates);
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const DType type = value.dtype();
    Tensor step = direction(options_, moment("first_moment", parameter), moment("second_moment", parameter),
                            gradient, corrections.root) /
                  cast(corrections.first, type);
    if (const double decay = decay_of(options_, slot); decay != 0) step = step + value * decay;
    const Tensor size = norm(value), length = norm(step);
    const Tensor trust =
        sinter::where((size > 0) & (length > 0), size / sinter::where(length > 0, length, 1), 1);
    results.push_back(value - step * (trust * cast(rate, type)));
  }
  return results;
}

}  // namespace sinter
