#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/nn/recurrent.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

// Layers that walk along time. What depends on the input alone is computed before the walk, for all times in
// one product.
namespace sinter::nn {
namespace {

// Parameters are bounded by the width, as in PyTorch.
LinearOptions cell_options(const RecurrentOptions& options, int64_t in, int64_t width) {
  return {.bias = options.bias,
          .weight_initializer = begun(options.weight_initializer, in, width, width),
          .bias_initializer = begun(options.bias_initializer, in, width, width)};
}

int64_t directions(const RecurrentOptions& options) {
  return options.both_directions ? 2 : 1;
}

}  // namespace

RecurrentCell::RecurrentCell(Module& owner, Name name, int64_t in, int64_t width, int64_t gates,
                             const RecurrentOptions& options)
    : Module(owner, name),
      input(*this, {"input", name.where()}, in, gates * width, cell_options(options, in, width)),
      hidden(*this, {"hidden", name.where()}, width, gates * width, cell_options(options, width, width)) {}

Recurrent::Recurrent(Module& owner, Name name, Kind kind, int64_t in, int64_t width,
                     const RecurrentOptions& options)
    : Module(owner, checked(kind == Kind::gru ? "GRU" : "LSTM", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "in", in);
                              ranges.at_least(1, "width", width);
                              ranges.at_least(1, "layers", options.layers);
                              ranges.fraction("dropout", options.dropout);
                            })),
      cells(*this, {"cells", name.where()}),
      kind_(kind),
      in_(in),
      width_(width),
      options_(options) {
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    const int64_t from = layer == 0 ? in : directions(options) * width;
    for (int64_t direction = 0; direction < directions(options); ++direction) {
      cells.append(from, width, kind == Kind::gru ? 3 : 4, options);
    }
  }
}

// The states after a step: of GRU one, of LSTM its output and the cell.
std::vector<Tensor> Recurrent::next(const RecurrentCell& cell, const Tensor& from_input,
                                    const std::vector<Tensor>& states) const {
  if (kind_ == Kind::gru) {
    const auto a = split_evenly(from_input, 3, -1);
    const auto b = split_evenly(cell.hidden(states[0]), 3, -1);
    const Tensor reset = sigmoid(a[0] + b[0]);
    const Tensor update = sigmoid(a[1] + b[1]);
    const Tensor fresh = tanh(a[2] + reset * b[2]);
    return {(1 - update) * fresh + update * states[0]};
  }
  const auto gates = split_evenly(from_input + cell.hidden(states[0]), 4, -1);
  const Tensor kept = sigmoid(gates[1]) * states.back() + sigmoid(gates[0]) * tanh(gates[2]);
  return {sigmoid(gates[3]) * tanh(kept), kept};
}

// One direction of a layer: x and outputs [t,n,...], the last states [n,width]. A step whose `valid` [t,n,1]
// does not hold, where it is given, leaves a row's states as they are.
struct Recurrent::Walk {
  Tensor outputs;
  std::vector<Tensor> states;
};
Recurrent::Walk Recurrent::walk(const RecurrentCell& cell, const Tensor& x, const Tensor& valid,
                                std::vector<Tensor> states, bool reverse) const {
  const auto step = [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs) -> ScanStep {
    const std::vector<Tensor> after = next(cell, inputs[0], carries);
    if (!valid.defined()) return {after, {after[0]}};
    std::vector<Tensor> kept;
    for (size_t i = 0; i < after.size(); ++i) kept.push_back(where(inputs[1], after[i], carries[i]));
    return {std::move(kept), {where(inputs[1], after[0], 0.0)}};
  };
  const Tensor from_input = cell.input(x);
  const Operands inputs = valid.defined() ? Operands{from_input, valid} : Operands{from_input};
  ScanStep result = scan(states, inputs, step, {.reverse = reverse});
  return {result.outputs[0], std::move(result.carries)};
}

void Recurrent::check(const Pin& call, const Tensor& x, const RecurrentInputs& inputs) const {
  check_takes(call, "x", x, f32, {"n", "t", in_});
  if (inputs.lengths.defined()) check_takes(call, "lengths", inputs.lengths, i32, {x.dim(0)});
  const int64_t states = cells.size();
  if (inputs.initial.defined()) check_takes(call, "initial", inputs.initial, f32, {states, x.dim(0), width_});
  if (!inputs.initial_cell.defined()) return;
  if (kind_ == Kind::gru) call.fail("has no cells to begin with");
  check_takes(call, "initial_cell", inputs.initial_cell, f32, {states, x.dim(0), width_});
}

RecurrentResult Recurrent::run(Operand operand, const RecurrentInputs& inputs) const {
  const Call call(kind_ == Kind::gru ? "GRU" : "LSTM", *this, operand.where());
  check(call, operand.tensor(), inputs);
  Tensor x = swap_axes(operand.tensor(), 0, 1);
  Tensor valid;
  if (inputs.lengths.defined()) {
    valid = reshape(expand_dims(arange(x.dim(0)), 1) < inputs.lengths, {x.dim(0), x.dim(1), 1});
  }
  const auto first = [&](const Tensor& given, int64_t i) {
    return given.defined() ? at(given, 0, i) : zeros({x.dim(1), width_});
  };
  const auto first_states = [&](int64_t i) -> std::vector<Tensor> {
    const Tensor state = first(inputs.initial, i);
    if (kind_ == Kind::gru) return {state};
    return {state, first(inputs.initial_cell, i)};
  };
  std::vector<Tensor> last, last_cell;
  for (int64_t layer = 0; layer < options_.layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t direction = 0; direction < directions(options_); ++direction) {
      const int64_t i = layer * directions(options_) + direction;
      const Walk walked = walk(cells[i], x, valid, first_states(i), direction == 1);
      outputs.push_back(walked.outputs);
      last.push_back(walked.states.front());
      if (kind_ == Kind::lstm) last_cell.push_back(walked.states.back());
    }
    x = outputs.size() == 1 ? outputs[0] : concat(outputs, -1);
    if (layer + 1 < options_.layers) x = dropout(x, options_.dropout);
  }
  RecurrentResult result;
  result.last = stack(last);
  if (kind_ == Kind::lstm) result.last_cell = stack(last_cell);
  result.outputs = swap_axes(x, 0, 1);
  return result;
}

Tensor Recurrent::operator()(Operand x, const RecurrentInputs& inputs) const {
  return run(x, inputs).outputs;
}

GRU::GRU(Module& owner, Name name, int64_t in, int64_t width, RecurrentOptions options)
    : Recurrent(owner, std::move(name), Kind::gru, in, width, options) {}

LSTM::LSTM(Module& owner, Name name, int64_t in, int64_t width, RecurrentOptions options)
    : Recurrent(owner, std::move(name), Kind::lstm, in, width, options) {}

}  // namespace sinter::nn
