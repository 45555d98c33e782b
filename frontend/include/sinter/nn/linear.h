#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

#include <optional>

namespace SINTER_EXPORT sinter {
namespace nn {

struct LinearOptions {
  bool bias = true;
  // Left out: uniform in +-1/sqrt(in), as in PyTorch, whose weight is transposed.
  std::optional<Initializer> weight_initializer = {};
  std::optional<Initializer> bias_initializer = {};
};
// x [b,in] gives x W + bias [b,out].
class Linear : public Module {
 public:
  Linear(Module& owner, Name name, int64_t in, int64_t out, LinearOptions options = {});
  Tensor operator()(Operand x) const;

  Parameter weight;               // [in,out]
  std::optional<Parameter> bias;  // [out]
};

// In a training function zeros elements with probability `rate` and divides the others by 1 - rate.
class Dropout : public Module {
 public:
  Dropout(Module& owner, Name name, double rate);
  Tensor operator()(Operand x) const;

 private:
  double rate_;
};

}  // namespace nn
}  // namespace sinter
