#pragma once

#include <sinter/export.h>
#include <sinter/nn/linear.h>

#include <optional>

namespace SINTER_EXPORT sinter {
class Pin;
}

namespace SINTER_EXPORT sinter {
namespace nn {

struct RecurrentOptions {
  int64_t layers = 1;            // each on the outputs of the one before
  bool both_directions = false;  // each layer also walks from the end: outputs beside each other
  double dropout = 0;            // of what goes from layer to layer
  bool bias = true;
  // Left out: uniform in +-1/sqrt(width), as in PyTorch.
  std::optional<Initializer> weight_initializer = {}, bias_initializer = {};
};

// States are those of the layers one after the other, in each those of both directions: k of them.
struct RecurrentInputs {
  Tensor lengths = {};  // i32 [n]: from there on there is padding, which no state sees, and outputs are 0
  Tensor initial = {};  // [k,n,width], the first states; left out: zeros
  Tensor initial_cell = {};  // the same of the cells of LSTM
};
struct RecurrentResult {
  Tensor outputs;    // [n,t,width], or [n,t,2 width] of both directions
  Tensor last;       // [k,n,width], the last states: of the whole of each row
  Tensor last_cell;  // of LSTM
};

// One direction of one layer: gates lie beside each other in both.
struct RecurrentCell : Module {
  RecurrentCell(Module& owner, Name name, int64_t in, int64_t width, int64_t gates,
                const RecurrentOptions& options);

  Linear input;   // in → gates * width
  Linear hidden;  // width → gates * width
};

// What GRU and LSTM are: layers that walk along the time of x [n,t,in].
class Recurrent : public Module {
 public:
  Tensor operator()(Operand x, const RecurrentInputs& inputs = {}) const;  // outputs
  RecurrentResult run(Operand x, const RecurrentInputs& inputs = {}) const;

  // k of them: PyTorch's parameters ..._l0, then ..._l0_reverse where there are both directions, and so on.
  ModuleList<RecurrentCell> cells;

 protected:
  enum class Kind { gru, lstm };
  Recurrent(Module& owner, Name name, Kind kind, int64_t in, int64_t width, const RecurrentOptions& options);

 private:
  struct Walk;
  std::vector<Tensor> next(const RecurrentCell& cell, const Tensor& from_input,
                           const std::vector<Tensor>& states) const;
  Walk walk(const RecurrentCell& cell, const Tensor& x, const Tensor& valid, std::vector<Tensor> states,
            bool reverse) const;
  void check(const Pin& call, const Tensor& x, const RecurrentInputs& inputs) const;

  Kind kind_;
  int64_t in_, width_;
  RecurrentOptions options_;
};

// Gated recurrent units (Cho et al. 2014), with PyTorch's equations. Gates: reset, update, new.
class GRU : public Recurrent {
 public:
  GRU(Module& owner, Name name, int64_t in, int64_t width, RecurrentOptions options = {});
};

// Long short-term memory (Hochreiter and Schmidhuber 1997), with PyTorch's equations. Gates: input, forget,
// cell, output.
class LSTM : public Recurrent {
 public:
  LSTM(Module& owner, Name name, int64_t in, int64_t width, RecurrentOptions options = {});
};

}  // namespace nn
}  // namespace sinter
