#pragma once

#include <sinter/parameters.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

// How fast to learn: a number, finite and not negative, or a function of the step, an f32 scalar that counts
// the updates made before this one.
class LearningRate {
 public:
  using Schedule = std::function<Tensor(const Tensor& step)>;

  template <Scalar T>
  LearningRate(T value, std::source_location where = std::source_location::current())
      : LearningRate(Number{static_cast<double>(value)}, where) {}
  LearningRate(Schedule schedule, std::source_location where = std::source_location::current());

  Tensor at(const Tensor& step, std::source_location where = std::source_location::current()) const;

 private:
  struct Number {
    double value;
  };
  LearningRate(Number number, const std::source_location& where);

  double value_ = 0;
  Schedule schedule_;
};

// From `rate` down in a straight line, reaching 0 after `steps` (at least 1), but never below `floor` * rate;
// `floor` is in [0,1].
LearningRate linear_decay(double rate, int64_t steps, double floor = 0,
                          std::source_location where = std::source_location::current());
// Up in a straight line to `rate` during `warmup` steps, then down half a cosine to `lowest` at `steps` (at
// least 1), where it stays (nanoGPT's get_lr). `warmup` is in [0,steps], `lowest` in [0,rate].
LearningRate cosine_decay(double rate, int64_t warmup, int64_t steps, double lowest = 0,
                          std::source_location where = std::source_location::current());

// Scales gradients together so that their joint Euclidean norm is at most `max_norm`, as PyTorch's
// clip_grad_norm_: by max_norm / (norm + 1e-6) where that is below 1. max_norm is above 0; an infinite one
// clips nothing.
struct ClippedGradients {
  std::vector<Tensor> gradients;
  Tensor norm;  // before clipping
};
ClippedGradients clip_by_global_norm(Operands gradients, double max_norm);

// The trainable parameters that the function being traced has used so far, in order of first use.
std::vector<const Variable*> used_parameters();

struct MinimizeOptions {
  Parameters parameters = {};       // what to train; left out: all that the function has used
  std::optional<double> clip_norm;  // clip_by_global_norm; above 0
  bool check_finite = false;        // a loss or gradient that is not finite fails the step: nothing changes
  Tensor learning_rate = {};        // an f32 scalar, an input say, instead of the optimiser's own
};

struct Update {
  Tensor loss;           // use this one as output: it is checked
  Tensor gradient_norm;  // where clip_norm was given
  Tensor learning_rate;
};

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
  // The update alone, for gradients made by hand: one for each parameter. Frozen ones stay as they are.
  Tensor apply(const Parameters& parameters, Operands gradients,
               const Tensor& learning_rate = {});  // gives the learning rate

 protected:
  Optimizer(std::string name, LearningRate rate,
            const std::source_location& where = std::source_location::current());

  struct Context {
    Tensor rate;     // f32
    Tensor updates;  // f32: how many were made, this one included
  };
  struct Slot {
    const Variable& parameter;
    Tensor value;
    Tensor gradient;
  };
  // The new value of each parameter.
  virtual std::vector<Tensor> update(const std::vector<Slot>& slots, const Context& context) = 0;
  // The state "<name>.<what>.<parameter>", of the parameter's type.
  Variable& moment(const std::string& what, const Variable& parameter);

 private:
  class State;
  State& state(const std::string& path, DType type, const Shape& shape);

  std::string name_;
  LearningRate rate_;
  std::map<std::string, std::unique_ptr<State>> states_;
};

struct SGDOptions {
  LearningRate learning_rate = 1e-2;
  double momentum = 0;      // in [0,1]
  bool nesterov = false;    // with a momentum
  double weight_decay = 0;  // added to the gradient; not negative
  std::string name = "sgd";
};
// PyTorch's SGD.
class SGD final : public Optimizer {
 public:
  explicit SGD(SGDOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Context& context) override;

  SGDOptions options_;
};

struct AdamWOptions {
  LearningRate learning_rate = 1e-3;
  double beta1 = 0.9;                   // in [0,1)
  double beta2 = 0.999;                 // in [0,1)
  double epsilon = 1e-8;                // not negative
  double weight_decay = 1e-2;           // not negative
  ParameterPredicate decays = nullptr;  // which parameters decay; all when left out
  std::string name = "adamw";
};
// PyTorch's AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019).
class AdamW final : public Optimizer {
 public:
  explicit AdamW(AdamWOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Context& context) override;

  AdamWOptions options_;
};

}  // namespace sinter
