#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/layers.h>
#include <sinter/nn/windows.h>
#include <sinter/reductions.h>
#include <sinter/views.h>

#include <algorithm>
#include <cmath>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

// Layers over channels and space.
namespace sinter::nn {
namespace {

Initializer by_fan_in(const Conv2dOptions& options) {
  const int64_t inputs = options.channels / options.groups * options.size * options.size;
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  return Initializer::uniform(-bound, bound);
}

}  // namespace

Conv2d::Conv2d(Module& owner, Name name, Conv2dOptions options)
    : Module(owner,
             checked("Conv2d", owner, name,
                     [&](const Ranges& ranges) {
                       ranges.at_least(1, "channels", options.channels);
                       ranges.at_least(1, "filters", options.filters);
                       ranges.at_least(1, "size", options.size);
                       ranges.at_least(1, "stride", options.stride);
                       ranges.at_least(0, "padding", options.padding);
                       const bool divides = options.groups >= 1 && options.channels % options.groups == 0 &&
                                            options.filters % options.groups == 0;
                       ranges.require(divides, "groups", "a divisor of channels and filters", options.groups);
                     })),
      weight(*this, "weight",
             {options.filters, options.channels / options.groups, options.size, options.size},
             by_fan_in(options)),
      options_(options) {
  if (options.bias) bias.emplace(*this, "bias", Shape{options.filters}, by_fan_in(options));
}

Tensor Conv2d::operator()(Operand x) const {
  const Call call("Conv2d", *this, x.where());
  const Tensor image = x.tensor();
  check_takes(call, "x", image, weight.dtype(), {"n", options_.channels, "h", "w"});
  const int64_t extent = std::min(image.dim(2), image.dim(3)) + 2 * options_.padding;
  if (extent < options_.size) {
    call.fail(fmt::format("a kernel of {} with padding {} is longer than x {}", options_.size,
                          options_.padding, image.type()));
  }
  return convolution(x, weight,
                     {.stride = {options_.stride, options_.stride},
                      .padding = {options_.padding, options_.padding},
                      .groups = options_.groups,
                      .bias = bias ? bias->read(x.where()) : Tensor()});
}

BatchNorm::BatchNorm(Module& owner, Name name, int64_t channels, BatchNormOptions options)
    : Module(owner, checked("BatchNorm", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "channels", channels);
                              ranges.not_negative("epsilon", options.epsilon);
                              ranges.fraction("momentum", options.momentum);
                            })),
      scale(*this, "scale", {channels}, Initializer::ones()),
      bias(*this, "bias", {channels}, Initializer::zeros()),
      running_mean(*this, "running_mean", {channels}, Initializer::zeros()),
      running_variance(*this, "running_variance", {channels}, Initializer::ones()),
      options_(options) {}

Tensor BatchNorm::operator()(Operand operand) {
  const Call call("BatchNorm", *this, operand.where());
  const Tensor x = operand.tensor();
  check_takes(call, "x", x, scale.dtype(), {"n", scale.shape()[0], "..."});
  Shape per_channel(static_cast<size_t>(x.rank()), 1);
  per_channel[1] = -1;
  Tensor centre = running_mean, spread = running_variance;
  if (is_training()) {
    std::vector<int64_t> others;
    for (int64_t axis = 0; axis < x.rank(); ++axis) {
      if (axis != 1) others.push_back(axis);
    }
    const double count = static_cast<double>(x.size() / x.dim(1));
    if (count < 2) {
      call.fail(fmt::format("takes more than one value of a channel to train on, got {}", x.type()));
    }
    centre = mean(x, others);
    spread = variance(x, others);
    const double unbiased = count / (count - 1);
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
