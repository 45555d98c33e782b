#include <fmt/format.h>
#include <sinter/functional.h>
#include <sinter/nn/feed_forward.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

LinearOptions linear_options(const FeedForwardOptions& options) {
  return {.bias = options.bias,
          .weight_initializer = options.weight_initializer,
          .bias_initializer = options.bias_initializer};
}

Activation activation_of(const FeedForwardOptions& options) {
  if (options.activation) return options.activation;
  return options.gated ? silu : relu;
}

FeedForwardOptions gated(const SwiGLUOptions& options) {
  return {.width = options.width,
          .hidden = options.hidden,
          .gated = true,
          .bias = options.bias,
          .dropout = options.dropout,
          .weight_initializer = options.weight_initializer,
          .bias_initializer = options.bias_initializer};
}

}  // namespace

Activation::Activation(Tensor (*function)(Operand x)) : function_(function) {}

Tensor Activation::operator()(const Tensor& x) const {
  return function_(x);
}

FeedForward::FeedForward(Module& owner, Name name, FeedForwardOptions options)
    : Module(owner, checked("FeedForward", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "width", options.width);
                              ranges.at_least(1, "hidden", options.hidden);
                              ranges.fraction("dropout", options.dropout);
                            })),
      expand(*this, {"expand", name.where()}, options.width, options.hidden, linear_options(options)),
      contract(*this, {"contract", name.where()}, options.hidden, options.width, linear_options(options)),
      activation_(activation_of(options)),
      dropout_(options.dropout) {
  if (options.gated) {
    gate.emplace(*this, Name("gate", name.where()), options.width, options.hidden, linear_options(options));
  }
}

Tensor FeedForward::operator()(Operand x) const {
  const Call call("FeedForward", *this, x.where());
  check_takes(call, "x", x.tensor(), expand.weight.dtype(), {"...", expand.weight.shape()[0]});
  const Tensor hidden = expand(x), before = gate ? (*gate)(x) : hidden;
  const Tensor active = activation_(before);
  if (!active.defined() || active.dtype() != before.dtype() || active.shape() != before.shape()) {
    call.fail(fmt::format("the activation of {} gives {}", before.type(),
                          active.defined() ? active.type() : "an undefined tensor"));
  }
  return contract(dropout(gate ? active * hidden : active, dropout_));
}

SwiGLU::SwiGLU(Module& owner, Name name, SwiGLUOptions options)
    : FeedForward(owner, std::move(name), gated(options)) {}

}  // namespace sinter::nn
