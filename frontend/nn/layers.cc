#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/functional.h>
#include <sinter/indexing.h>
#include <sinter/nn/layers.h>
#include <sinter/reductions.h>

#include <cmath>

#include "frontend/nn/options.h"
#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

// PyTorch's beginning of linear and convolution layers, from the number of inputs of one output.
Initializer by_fan_in(int64_t inputs) {
  const double bound = 1 / std::sqrt(static_cast<double>(std::max<int64_t>(inputs, 1)));
  return Initializer::uniform(-bound, bound);
}

Name checked_norm(std::string_view layer, const Module& owner, const Name& name, int64_t width,
                  const NormOptions& options) {
  return checked(layer, owner, name, [&](const Ranges& ranges) {
    ranges.at_least(1, "width", width);
    ranges.not_negative("epsilon", options.epsilon);
  });
}

Tensor read(const std::optional<Parameter>& parameter, const Operand& x) {
  return parameter ? parameter->read(x.where()) : Tensor();
}

}  // namespace

Linear::Linear(Module& owner, Name name, int64_t in, int64_t out, LinearOptions options)
    : Module(owner, checked("Linear", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "in", in);
                              ranges.at_least(1, "out", out);
                              ranges.at_least(0, "fan_in", options.fan_in);
                            })),
      weight(*this, "weight", {in, out}, by_fan_in(options.fan_in > 0 ? options.fan_in : in)) {
  if (options.bias) bias.emplace(*this, "bias", Shape{out}, weight.initializer());
}

Tensor Linear::operator()(Operand x) const {
  const Call call("Linear", *this, x.where());
  check_takes(call, "x", x.tensor(), weight.dtype(), {"...", weight.shape()[0]});
  const Tensor y = matmul(x, weight);
  return bias ? y + *bias : y;
}

Embedding::Embedding(Module& owner, Name name, int64_t count, int64_t width, EmbeddingOptions options)
    : Module(owner, checked("Embedding", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "count", count);
                              ranges.at_least(1, "width", width);
                              ranges.not_negative("deviation", options.deviation);
                            })),
      weight(*this, "weight", {count, width}, Initializer::normal(0, options.deviation)) {}

Tensor Embedding::operator()(Operand ids) const {
  const Call call("Embedding", *this, ids.where());
  check_integers(call, "ids", ids.tensor());
  const Tensor rows = build("gather", {ids}, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::check_index, v, {{"bound", weight.shape()[0]}, {"op", "Embedding"}}).result();
  });
  return gather(weight, rows, 0);
}

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

Dropout::Dropout(Module& owner, Name name, double rate)
    : Module(owner,
             checked("Dropout", owner, name, [&](const Ranges& ranges) { ranges.fraction("rate", rate); })),
      rate_(rate) {}

Tensor Dropout::operator()(Operand x) const {
  const Call call("Dropout", *this, x.where());
  check_floating(call, "x", x.tensor());
  return dropout(x, rate_);
}

FeedForward::FeedForward(Module& owner, Name name, FeedForwardOptions options)
    : Module(owner, checked("FeedForward", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "width", options.width);
                              ranges.at_least(1, "hidden", options.hidden);
                              ranges.fraction("dropout", options.dropout);
                            })),
      expand(*this, {"expand", name.where()}, options.width, options.hidden, {.bias = options.bias}),
      contract(*this, {"contract", name.where()}, options.hidden, options.width, {.bias = options.bias}),
      activation_(std::move(options.activation)),
      dropout_(options.dropout) {}

Tensor FeedForward::operator()(Operand x) const {
  const Call call("FeedForward", *this, x.where());
  check_takes(call, "x", x.tensor(), expand.weight.dtype(), {"...", expand.weight.shape()[0]});
  const Tensor hidden = expand(x);
  const Tensor active = activation_ ? activation_(hidden) : relu(hidden);
  if (!active.defined() || active.dtype() != hidden.dtype() || active.shape() != hidden.shape()) {
    call.fail(fmt::format("the activation of {} gives {}", hidden.type(),
                          active.defined() ? active.type() : "an undefined tensor"));
  }
  return contract(dropout(active, dropout_));
}

}  // namespace sinter::nn
