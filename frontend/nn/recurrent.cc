#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/layers.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

// Layers that walk along time. What depends on the input alone is computed before the walk, for all times in
// one product.
namespace sinter::nn {
namespace {

Name checked_recurrent(std::string_view layer, const Module& owner, const Name& name, int64_t in,
                       int64_t width) {
  return checked(layer, owner, name, [&](const Ranges& ranges) {
    ranges.at_least(1, "in", in);
    ranges.at_least(1, "width", width);
  });
}

}  // namespace

GRU::GRU(Module& owner, Name name, int64_t in, int64_t width)
    : Module(owner, checked_recurrent("GRU", owner, name, in, width)),
      input(*this, {"input", name.where()}, in, 3 * width, {.fan_in = width}),
      hidden(*this, {"hidden", name.where()}, width, 3 * width, {.fan_in = width}),
      width_(width) {}

Tensor GRU::operator()(Operand x, const Tensor& initial) const {
  const Call call("GRU", *this, x.where());
  check_takes(call, "x", x.tensor(), input.weight.dtype(), {"n", "t", input.weight.shape()[0]});
  const Tensor from_input = swap_axes(input(x), 0, 1);  // [t,n,3 width]
  if (initial.defined()) {
    check_takes(call, "initial", initial, from_input.dtype(), {from_input.dim(1), width_});
  }
  const Tensor first = initial.defined() ? initial : zeros({from_input.dim(1), width_}, from_input.dtype());
  const auto step = [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs) -> ScanStep {
    const Tensor& state = carries[0];
    const auto a = split_evenly(inputs[0], 3, -1);
    const auto b = split_evenly(hidden(state), 3, -1);
    const Tensor reset = sigmoid(a[0] + b[0]);
    const Tensor update = sigmoid(a[1] + b[1]);
    const Tensor fresh = tanh(a[2] + reset * b[2]);
    const Tensor next = (1 - update) * fresh + update * state;
    return {{next}, {next}};
  };
  return swap_axes(scan({first}, {from_input}, step).outputs[0], 0, 1);
}

LSTM::LSTM(Module& owner, Name name, int64_t in, int64_t width)
    : Module(owner, checked_recurrent("LSTM", owner, name, in, width)),
      input(*this, {"input", name.where()}, in, 4 * width, {.fan_in = width}),
      hidden(*this, {"hidden", name.where()}, width, 4 * width, {.fan_in = width}),
      width_(width) {}

Tensor LSTM::operator()(Operand x) const {
  const Call call("LSTM", *this, x.where());
  check_takes(call, "x", x.tensor(), input.weight.dtype(), {"n", "t", input.weight.shape()[0]});
  const Tensor from_input = swap_axes(input(x), 0, 1);  // [t,n,4 width]
  const Tensor first = zeros({from_input.dim(1), width_}, from_input.dtype());
  const auto step = [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs) -> ScanStep {
    const auto gates = split_evenly(inputs[0] + hidden(carries[0]), 4, -1);
    const Tensor cell = sigmoid(gates[1]) * carries[1] + sigmoid(gates[0]) * tanh(gates[2]);
    const Tensor next = sigmoid(gates[3]) * tanh(cell);
    return {{next, cell}, {next}};
  };
  return swap_axes(scan({first, first}, {from_input}, step).outputs[0], 0, 1);
}

}  // namespace sinter::nn
