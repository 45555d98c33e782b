#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/layers.h>
#include <sinter/reductions.h>
#include <sinter/views.h>

#include <cmath>

#include "frontend/trace.h"

// Layers over channels and space.
namespace sinter::nn {
namespace {

Initializer by_fan_in(const Conv2dOptions& options) {
  const int64_t inputs = options.channels / options.groups * options.size * options.size;
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  return Initializer::uniform(-bound, bound);
}

}  // namespace

Conv2d::Conv2d(Module& owner, std::string name, Conv2dOptions options)
    : Module(owner, std::move(name)),
      weight(*this, "weight",
             {options.filters, options.channels / options.groups, options.size, options.size},
             by_fan_in(options)),
      options_(options) {
  if (options.bias) bias.emplace(*this, "bias", Shape{options.filters}, by_fan_in(options));
}

Tensor Conv2d::operator()(Operand x) const {
  const Call call(path(), x.where());
  return convolution(x, weight,
                     {.stride = {options_.stride, options_.stride},
                      .padding = {options_.padding, options_.padding},
                      .groups = options_.groups,
                      .bias = bias ? bias->read(x.where()) : Tensor()});
}

BatchNorm::BatchNorm(Module& owner, std::string name, int64_t channels, BatchNormOptions options)
    : Module(owner, std::move(name)),
      scale(*this, "scale", {channels}, Initializer::ones()),
      bias(*this, "bias", {channels}, Initializer::zeros()),
      running_mean(*this, "running_mean", {channels}, Initializer::zeros()),
      running_variance(*this, "running_variance", {channels}, Initializer::ones()),
      options_(options) {}

Tensor BatchNorm::operator()(Operand operand) {
  const Call call(path(), operand.where());
  const Tensor x = operand.tensor();
  Shape per_channel(static_cast<size_t>(x.rank()), 1);
  if (x.rank() > 1) per_channel[1] = -1;
  Tensor centre = running_mean, spread = running_variance;
  if (is_training()) {
    std::vector<int64_t> others;
    for (int64_t axis = 0; axis < x.rank(); ++axis) {
      if (axis != 1) others.push_back(axis);
    }
    centre = mean(x, others);
    spread = variance(x, others);
    const double count = static_cast<double>(x.size() / std::max<int64_t>(x.dim(1), 1));
    const double unbiased = count > 1 ? count / (count - 1) : 1;
    const auto moved = [&](const Buffer& running, const Tensor& batch) {
      return running * (1 - options_.momentum) + stop_gradient(batch) * options_.momentum;
    };
    running_mean.assign(moved(running_mean, centre));
    running_variance.assign(moved(running_variance, spread * unbiased));
  }
  const Tensor normal =
      (x - reshape(centre, per_channel)) * reshape(rsqrt(spread + options_.epsilon), per_channel);
  return normal * reshape(scale, per_channel) + reshape(bias, per_channel);
}

}  // namespace sinter::nn
