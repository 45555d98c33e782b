#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/functional.h>
#include <sinter/indexing.h>
#include <sinter/nn/layers.h>
#include <sinter/reductions.h>

#include <cmath>

#include "frontend/trace.h"

namespace sinter::nn {
namespace {

// PyTorch's beginning of linear and convolution layers, from the number of inputs of one output.
Initializer by_fan_in(int64_t inputs) {
  const double bound = 1 / std::sqrt(static_cast<double>(std::max<int64_t>(inputs, 1)));
  return Initializer::uniform(-bound, bound);
}

Tensor read(const std::optional<Parameter>& parameter, const Operand& x) {
  return parameter ? parameter->read(x.where()) : Tensor();
}

}  // namespace

Linear::Linear(Module& owner, std::string name, int64_t in, int64_t out, LinearOptions options)
    : Module(owner, std::move(name)),
      weight(*this, "weight", {in, out}, by_fan_in(options.fan_in > 0 ? options.fan_in : in)) {
  if (options.bias) bias.emplace(*this, "bias", Shape{out}, weight.initializer());
}

Tensor Linear::operator()(Operand x) const {
  const Call call(path(), x.where());
  const Tensor y = matmul(x, weight);
  return bias ? y + *bias : y;
}

Embedding::Embedding(Module& owner, std::string name, int64_t count, int64_t width, EmbeddingOptions options)
    : Module(owner, std::move(name)),
      weight(*this, "weight", {count, width}, Initializer::normal(0, options.deviation)) {}

Tensor Embedding::operator()(Operand ids) const {
  const Call call(path(), ids.where());
  return gather(weight, ids, 0);
}

LayerNorm::LayerNorm(Module& owner, std::string name, int64_t width, NormOptions options)
    : Module(owner, std::move(name)),
      scale(*this, "scale", {width}, Initializer::ones()),
      epsilon_(options.epsilon) {
  if (options.bias) bias.emplace(*this, "bias", Shape{width}, Initializer::zeros());
}

Tensor LayerNorm::operator()(Operand x) const {
  const Call call(path(), x.where());
  return layer_norm(x, scale, read(bias, x), epsilon_);
}

RMSNorm::RMSNorm(Module& owner, std::string name, int64_t width, NormOptions options)
    : Module(owner, std::move(name)),
      scale(*this, "scale", {width}, Initializer::ones()),
      epsilon_(options.epsilon) {}

Tensor RMSNorm::operator()(Operand x) const {
  const Call call(path(), x.where());
  return rms_norm(x, scale, epsilon_);
}

Dropout::Dropout(Module& owner, std::string name, double rate)
    : Module(owner, std::move(name)), rate_(rate) {}

Tensor Dropout::operator()(Operand x) const {
  const Call call(path(), x.where());
  return dropout(x, rate_);
}

FeedForward::FeedForward(Module& owner, std::string name, FeedForwardOptions options)
    : Module(owner, std::move(name)),
      expand(*this, "expand", options.width, options.hidden, {.bias = options.bias}),
      contract(*this, "contract", options.hidden, options.width, {.bias = options.bias}),
      activation_(std::move(options.activation)),
      dropout_(options.dropout) {}

Tensor FeedForward::operator()(Operand x) const {
  const Call call(path(), x.where());
  const Tensor hidden = expand(x);
  return contract(dropout(activation_ ? activation_(hidden) : relu(hidden), dropout_));
}

}  // namespace sinter::nn
