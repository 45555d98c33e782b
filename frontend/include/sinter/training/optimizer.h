#pragma once

#include <sinter/export.h>
#include <sinter/parameters.h>
#include <sinter/training/learning_rate.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace SINTER_EXPORT sinter {

// Scales gradients together so that their joint Euclidean norm is at most `max_norm`, as PyTorch's
// clip_grad_norm_: by max_norm / (norm + 1e-6) where that is below 1. max_norm is above 0; an infinite one
// clips nothing.
struct ClippedGradients {
  std::vector<Tensor> gradients;
  Tensor norm;  // before clipping
};
ClippedGradients clip_by_global_norm(Operands gradients, double max_norm);

// Cuts each element of the gradients to [-most, most], as PyTorch's clip_grad_value_; most is above 0.
std::vector<Tensor> clip_by_value(Operands gradients, double most);

// The trainable parameters that the function being traced has used so far, in order of first use.
std::vector<const Variable*> used_parameters();

// Parameters that are trained in another way than the rest.
//   optimizer.minimize(loss, {.groups = {{.parameters = encoder, .rate = 0.1},
//                                        {.parameters = {model, is_bias}, .weight_decay = 0}}});
struct ParameterGroup {
  Parameters parameters;
  double rate = 1;                          // times the optimiser's learning rate; not negative
  std::optional<double> weight_decay = {};  // instead of the optimiser's; not negative
  std::optional<double> clip_value = {};    // clip_by_value; above 0
  std::optional<double> clip_norm = {};     // clip_by_global_norm of these gradients alone; above 0
  bool frozen = false;                      // not trained by this step; no gradient is made for them
};

struct MinimizeOptions {
  Parameters parameters = {};             // what to train; left out: all that the function has used
  std::optional<double> clip_value = {};  // clip_by_value; above 0; before clip_norm
  std::optional<double> clip_norm = {};   // clip_by_global_norm of all, as groups have left them; above 0
  bool check_finite = false;  // a loss or gradient that is not finite fails the step: nothing changes
  Tensor learning_rate = {};  // an f32 scalar, an input say, instead of the optimiser's own
  std::vector<ParameterGroup> groups = {};  // a parameter is in one at most
};

struct Update {
  Tensor loss;           // use this one as output: it is checked
  Tensor gradient_norm;  // where clip_norm was given
  Tensor learning_rate;
};

class TrainingStates;

// Updates parameters from gradients; its own state (step, moments) is called "<name>.step" and
// "<name>.<moment>.<parameter>", lives in the program, and begins as zero.
class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer();

  // Differentiates `loss` for every trainable parameter used so far in the function being traced, or those of
  // them that the options name, and updates them. An optimiser does so once in a function, and a parameter is
  // updated once. What is read from then on is the new value; no gradient goes through the update. Throws
  // Error where `loss` reads a parameter both before and after an update.
  Update minimize(Operand loss, const MinimizeOptions& options = {});
  // The update alone, for gradients made by hand: one for each parameter. Frozen ones stay as they are. Of
  // groups it looks at rates and decay. Gives the learning rate.
  Tensor apply(const Parameters& parameters, Operands gradients, const Tensor& learning_rate = {},
               const std::vector<ParameterGroup>& groups = {});

 protected:
  Optimizer(std::string name, LearningRate rate,
            const std::source_location& where = std::source_location::current());

  struct Slot {
    const Variable& parameter;
    Tensor value;
    Tensor gradient;
    Tensor rate;                              // f32
    std::optional<double> weight_decay = {};  // instead of the optimiser's
  };
  // The new value of each parameter; `updates`, f32: how many were made, this one included.
  virtual std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) = 0;
  // The state "<name>.<what>.<parameter>", of the parameter's type and, where none is given, its shape.
  Variable& moment(const std::string& what, const Variable& parameter);
  Variable& moment(const std::string& what, const Variable& parameter, const Shape& shape);

 private:
  std::string name_;
  LearningRate rate_;
  std::shared_ptr<TrainingStates> states_;
};

}  // namespace sinter
