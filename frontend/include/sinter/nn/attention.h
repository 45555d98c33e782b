#pragma once

#include <sinter/nn/layers.h>

namespace sinter::nn {

struct MultiHeadAttentionOptions {
  int64_t width;         // of the input and the output
  int64_t heads = 1;     // divides width
  int64_t kv_heads = 0;  // groups of heads share a key and a value; 0: one for each head
  bool bias = true;      // of the four linear layers
  bool causal = false;   // a position sees none after it
  double dropout = 0;    // of the weights, in a training function
};

// What one call is told besides x.
struct AttentionInputs {
  Tensor lengths = {};  // i32 [n]: positions from there on are padding
  Tensor mask = {};     // bool, broadcasts to [n,heads,t,s]: which positions each one sees
  Tensor bias = {};     // added to the scores, broadcasts to [n,heads,t,s]
  Tensor context = {};  // [n,s,width]: attend to this instead of x
};

// Scaled dot-product attention over x [n,t,width] with linear layers for queries, keys, values and output.
class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(Module& owner, Name name, MultiHeadAttentionOptions options);

  Tensor operator()(Operand x, const AttentionInputs& inputs = {}) const;  // [n,t,width]
  // How much each position attends to each other, [n,heads,t,s], rows adding up to 1; without dropout.
  Tensor weights(Operand x, const AttentionInputs& inputs = {}) const;

  Linear query;
  Linear key;
  Linear value;
  Linear output;

 private:
  Tensor split_heads(const Tensor& x, int64_t heads) const;  // [n,t,heads*w] → [n,heads,t,w]

  MultiHeadAttentionOptions options_;
};

}  // namespace sinter::nn
