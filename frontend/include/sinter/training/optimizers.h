#pragma once

#include <sinter/export.h>
#include <sinter/training/optimizer.h>

// The optimisers, each as its source has it.
namespace SINTER_EXPORT sinter {

struct SGDOptions {
  LearningRate learning_rate = 1e-2;
  double momentum = 0;      // in [0,1]
  double dampening = 0;     // how much of a gradient the momentum leaves out, from the second on; in [0,1]
  bool nesterov = false;    // with a momentum and no dampening
  double weight_decay = 0;  // added to the gradient; not negative
  std::string name = "sgd";
};
// PyTorch's SGD.
class SGD final : public Optimizer {
 public:
  explicit SGD(SGDOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

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
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  AdamWOptions options_;
};

struct AdamOptions {
  LearningRate learning_rate = 1e-3;
  double beta1 = 0.9;       // in [0,1)
  double beta2 = 0.999;     // in [0,1)
  double epsilon = 1e-8;    // not negative
  double weight_decay = 0;  // added to the gradient; not negative
  std::string name = "adam";
};
// PyTorch's Adam (Kingma and Ba, 2015).
class Adam final : public Optimizer {
 public:
  explicit Adam(AdamOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  AdamOptions options_;
};

struct LAMBOptions {
  LearningRate learning_rate = 1e-3;
  double beta1 = 0.9;                   // in [0,1)
  double beta2 = 0.999;                 // in [0,1)
  double epsilon = 1e-6;                // not negative
  double weight_decay = 1e-2;           // not negative
  ParameterPredicate decays = nullptr;  // which parameters decay; all when left out
  std::string name = "lamb";
};
// Adam's direction, as long as the parameter it moves (You et al., "Large batch optimization for deep
// learning", 2020, algorithm 2 with phi(z) = z; a factor of 1 where either norm is 0).
class LAMB final : public Optimizer {
 public:
  explicit LAMB(LAMBOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  LAMBOptions options_;
};

struct LionOptions {
  LearningRate learning_rate = 1e-4;
  double beta1 = 0.9;                   // in [0,1)
  double beta2 = 0.99;                  // in [0,1)
  double weight_decay = 0;              // not negative
  ParameterPredicate decays = nullptr;  // which parameters decay; all when left out
  std::string name = "lion";
};
// The sign of a mean of gradients (Chen et al., "Symbolic discovery of optimization algorithms", 2023,
// program 1).
class Lion final : public Optimizer {
 public:
  explicit Lion(LionOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  LionOptions options_;
};

struct RMSpropOptions {
  LearningRate learning_rate = 1e-2;
  double alpha = 0.99;      // in [0,1)
  double epsilon = 1e-8;    // not negative
  double momentum = 0;      // in [0,1]
  bool centered = false;    // divides by the deviation of gradients rather than their size
  double weight_decay = 0;  // added to the gradient; not negative
  std::string name = "rmsprop";
};
// PyTorch's RMSprop (Hinton's lecture 6; centered: Graves 2013).
class RMSprop final : public Optimizer {
 public:
  explicit RMSprop(RMSpropOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  RMSpropOptions options_;
};

struct AdagradOptions {
  LearningRate learning_rate = 1e-2;
  double epsilon = 1e-10;   // not negative
  double weight_decay = 0;  // added to the gradient; not negative
  std::string name = "adagrad";
};
// PyTorch's Adagrad (Duchi, Hazan and Singer, 2011).
class Adagrad final : public Optimizer {
 public:
  explicit Adagrad(AdagradOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  AdagradOptions options_;
};

struct AdafactorOptions {
  LearningRate learning_rate =
      1e-2;                   // at most; relative to the size of a parameter, falls as 1 / sqrt(updates)
  double beta2_decay = -0.8;  // of means of squares: 1 - updates^beta2_decay; below 0
  double epsilon = 1e-3;      // the least size of a parameter; not negative
  double clip = 1;            // of the update's root mean square; above 0
  double weight_decay = 0;    // not negative
  std::string name = "adafactor";
};
// PyTorch's Adafactor (Shazeer and Stern, 2018): of a matrix, means of squared gradients by row and by
// column, in place of one for each element.
class Adafactor final : public Optimizer {
 public:
  explicit Adafactor(AdafactorOptions options = {},
                     std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  AdafactorOptions options_;
};

struct MuonOptions {
  LearningRate learning_rate = 1e-3;
  double momentum = 0.95;  // in [0,1]
  bool nesterov = true;
  double weight_decay = 0.1;  // not negative
  int64_t iterations = 5;     // at least 1
  std::string name = "muon";
};
// Of matrices alone: a mean of gradients, made nearly orthogonal by Newton and Schulz's iteration, times
// sqrt(max(1, rows / columns)) (Jordan et al., 2024; PyTorch's Muon, but in f32). Other parameters are for
// another optimiser: MinimizeOptions::parameters.
class Muon final : public Optimizer {
 public:
  explicit Muon(MuonOptions options = {}, std::source_location where = std::source_location::current());

 private:
  std::vector<Tensor> update(const std::vector<Slot>& slots, const Tensor& updates) override;

  MuonOptions options_;
};

}  // namespace sinter
