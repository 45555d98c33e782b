#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/norms.h>
#include <sinter/reductions.h>
#include <sinter/views.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

Name checked_norm(std::string_view layer, const Module& owner, const Name& name, int64_t width,
                  const NormOptions& options) {
  return checked(layer, owner, name, [&](const Ranges& ranges) {
    ranges.at_least(1, "width", width);
    ranges.not_negative("epsilon", options.epsilon);
  });
}

// What a parameter of each channel is for x [n,channels,...].
Tensor for_channels(const Tensor& of_channels, const Tensor& x) {
  Shape shape(static_cast<size_t>(x.rank()), 1);
  shape[1] = of_channels.size();
  return reshape(of_channels, shape);
}

}  // namespace

LayerNorm::LayerNorm(Module& owner, Name name, int64_t width, NormOptions options)
    : Module(owner, checked_norm("LayerNorm", owner, name, width, options)),
      scale(*this, "scale", {width}, Initializer::ones()),
      epsilon_(options.epsilon) {
  if (options.bias) bias.emplace(*this, "bias", Shape{width}, Initializer::zeros());
}

Tensor LayerNorm::operator()(Operand x) const {
  const Call call("LayerNorm", *this, x.where());
  check_takes(call, "x", x.tensor(), scale.dtype(), {"...", scale.shape()[0]});
  return layer_norm(x, scale, read(bias, x), epsilon_);
}

RMSNorm::RMSNorm(Module& owner, Name name, int64_t width, NormOptions options)
    : Module(owner, checked_norm("RMSNorm", owner, name, width, options)),
      scale(*this, "scale", {width}, Initializer::ones()),
      epsilon_(options.epsilon) {}

Tensor RMSNorm::operator()(Operand x) const {
  const Call call("RMSNorm", *this, x.where());
  check_takes(call, "x", x.tensor(), scale.dtype(), {"...", scale.shape()[0]});
  return rms_norm(x, scale, epsilon_);
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
  const Tensor normal = (x - for_channels(centre, x)) * for_channels(rsqrt(spread + options_.epsilon), x);
  return normal * for_channels(scale, x) + for_channels(bias, x);
}

GroupNorm::GroupNorm(Module& owner, Name name, int64_t groups, int64_t channels, GroupNormOptions options)
    : Module(owner, checked("GroupNorm", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "channels", channels);
                              ranges.require(groups >= 1 && channels % groups == 0, "groups",
                                             fmt::format("a divisor of the {} channels", channels), groups);
                              ranges.not_negative("epsilon", options.epsilon);
                            })),
      groups_(groups),
      channels_(channels),
      epsilon_(options.epsilon) {
  if (!options.affine) return;
  scale.emplace(*this, "scale", Shape{channels}, Initializer::ones());
  bias.emplace(*this, "bias", Shape{channels}, Initializer::zeros());
}

Tensor GroupNorm::operator()(Operand operand) const {
  const Call call("GroupNorm", *this, operand.where());
  const Tensor x = operand.tensor();
  check_takes(call, "x", x, f32, {"n", channels_, "..."});
  const int64_t rows = x.dim(0) * groups_, width = x.size() / std::max<int64_t>(rows, 1);
  const Tensor normal = reshape(layer_norm(reshape(x, {rows, width}), {}, {}, epsilon_), x.shape());
  return scale ? normal * for_channels(*scale, x) + for_channels(*bias, x) : normal;
}

InstanceNorm::InstanceNorm(Module& owner, Name name, int64_t channels, InstanceNormOptions options)
    : Module(owner, checked("InstanceNorm", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "channels", channels);
                              ranges.not_negative("epsilon", options.epsilon);
                            })),
      norm(*this, {"norm", name.where()}, channels, channels,
           {.epsilon = options.epsilon, .affine = options.affine}) {}

Tensor InstanceNorm::operator()(Operand x) const {
  const Call call("InstanceNorm", *this, x.where());
  return norm(x);
}

}  // namespace sinter::nn
