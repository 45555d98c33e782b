#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

#include <optional>

// Named functions of neural networks, on floating tensors.
namespace SINTER_EXPORT sinter {

Tensor softmax(Operand x, int64_t axis = -1);  // zeros where a row's maximum is -inf
Tensor log_softmax(Operand x, int64_t axis = -1);

Tensor relu(Operand x);
Tensor sigmoid(Operand x);
// x * sigmoid(x)
Tensor silu(Operand x);
// slope * x below 0; 0.01 when left out
Tensor leaky_relu(Operand x);
Tensor leaky_relu(Operand x, double slope);
// alpha * (exp(x) - 1) below 0; 1 when left out
Tensor elu(Operand x);
Tensor elu(Operand x, double alpha);
// log(1 + exp(x))
Tensor softplus(Operand x);
enum class Gelu { exact, tanh };
Tensor gelu(Operand x);  // exact
Tensor gelu(Operand x, Gelu form);

// Over the last axis; `scale` and `bias` have its extent and may be left out.
Tensor layer_norm(Operand x, const Tensor& scale = {}, const Tensor& bias = {}, double epsilon = 1e-5);
Tensor rms_norm(Operand x, const Tensor& scale = {}, double epsilon = 1e-5);

// In a training function: zero with probability `rate`, else divided by 1 - rate. Elsewhere x itself.
Tensor dropout(Operand x, double rate);
bool is_training();  // whether the function being traced was added with {.training = true}

struct AttentionOptions {
  std::optional<double> scale = {};    // 1 / sqrt(width) when left out
  bool causal = false;                 // a query sees no later key; the last query stands at the last key
  Tensor lengths = {};                 // i32 [b]: keys from there on are padding
  Tensor mask = {};                    // bool, broadcasts to [b,h,tq,tk]: which keys a query sees
  Tensor bias = {};                    // added to the scores; broadcasts to [b,h,tq,tk]
  std::optional<int64_t> window = {};  // a query sees keys at a distance below it
  std::optional<double> softcap = {};  // scores become cap * tanh(score / cap)
  double dropout = 0;                  // of the weights, in a training function
};
// softmax(q k^T * scale) v. q [b,h,tq,w], k [b,g,tk,w], v [b,g,tk,u] give [b,h,tq,u]; g divides h. The
// weights are never stored whole where the device can avoid it.
Tensor attention(Operand q, Operand k, Operand v, const AttentionOptions& options = {});
// The weights that attention gives to each key, [b,h,tq,tk], without dropout: to look at.
Tensor attention_weights(Operand q, Operand k, const AttentionOptions& options = {});

}  // namespace sinter
