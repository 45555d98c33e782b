#pragma once

#include <sinter/export.h>
#include <sinter/nn/linear.h>

#include <concepts>
#include <functional>

namespace SINTER_EXPORT sinter {
namespace nn {

// An elementwise function of one tensor: gelu, tanh, or a lambda.
class Activation {
 public:
  Activation(std::nullptr_t) {}
  Activation(Tensor (*function)(Operand x));
  template <std::invocable<const Tensor&> F>
  Activation(F function) : function_(std::move(function)) {}

  Tensor operator()(const Tensor& x) const;
  explicit operator bool() const { return static_cast<bool>(function_); }

 private:
  std::function<Tensor(const Tensor&)> function_;
};

struct FeedForwardOptions {
  int64_t width;
  int64_t hidden;
  Activation activation = nullptr;  // relu when left out
  // hidden is activation(gate(x)) * expand(x), as in SwiGLU, whose activation is silu: the default then.
  bool gated = false;
  bool bias = true;
  double dropout = 0;  // of the activations
  std::optional<Initializer> weight_initializer = {}, bias_initializer = {};
};
// [b,width] → hidden → activation → [b,width]
class FeedForward : public Module {
 public:
  FeedForward(Module& owner, Name name, FeedForwardOptions options);
  Tensor operator()(Operand x) const;

  Linear expand;
  std::optional<Linear> gate;
  Linear contract;

 private:
  Activation activation_;
  double dropout_;
};

struct SwiGLUOptions {
  int64_t width;
  int64_t hidden;  // in LLaMA 8/3 of the width
  bool bias = false;
  double dropout = 0;
  std::optional<Initializer> weight_initializer = {}, bias_initializer = {};
};
// Shazeer 2020: contract(silu(gate(x)) * expand(x)). [b,width] gives [b,width].
class SwiGLU : public FeedForward {
 public:
  SwiGLU(Module& owner, Name name, SwiGLUOptions options);
};

}  // namespace nn
}  // namespace sinter
