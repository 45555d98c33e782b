#pragma once

#include <sinter/export.h>
#include <sinter/functional.h>
#include <sinter/nn/key_value_cache.h>
#include <sinter/nn/linear.h>

#include <optional>

namespace SINTER_EXPORT sinter {
namespace nn {

struct MultiHeadAttentionOptions {
  int64_t width;                           // of the input and the output
  int64_t heads = 1;                       // divides width
  int64_t kv_heads = 0;                    // groups of heads share a key and a value; 0: one for each head
  int64_t context_width = 0;               // of the context, where that is another; 0: width
  bool bias = true;                        // of the four linear layers
  bool causal = false;                     // a position sees none after it
  std::optional<int64_t> window = {};      // a position sees those at a distance below it
  std::optional<double> softcap = {};      // scores become cap * tanh(score / cap)
  std::optional<double> rotary_base = {};  // turns queries and keys by position (nn/positions.h): 10000
  bool alibi = false;                      // adds linear biases of the distance (nn/positions.h)
  double dropout = 0;                      // of the weights, in a training function
  std::optional<Initializer> weight_initializer = {};  // of the four linear layers (nn/linear.h)
  std::optional<Initializer> bias_initializer = {};
  std::optional<KeyValueCacheOptions> cache = {};  // for `extend`
};

// What one call is told besides x.
struct AttentionInputs {
  Tensor lengths = {};  // i32 [n]: positions from there on are padding
  Tensor mask = {};     // bool, broadcasts to [n,heads,t,s]: which positions each one sees
  Tensor bias = {};     // added to the scores, broadcasts to [n,heads,t,s]
  Tensor context = {};  // [n,s,context_width]: attend to this instead of x
};

// Scaled dot-product attention over x [n,t,width] with linear layers for queries, keys, values and output.
class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(Module& owner, Name name, MultiHeadAttentionOptions options);

  Tensor operator()(Operand x, const AttentionInputs& inputs = {}) const;  // [n,t,width]
  // How much each position attends to each other, [n,heads,t,s], rows adding up to 1; without dropout.
  Tensor weights(Operand x, const AttentionInputs& inputs = {}) const;

  // The same of texts that come in pieces, a session's (nn::KeyValueCache): x [n,t,width] is what comes next,
  // a whole prompt or one position, and sees what came before and itself. Without `causal` a position sees
  // its whole piece. `mask`, bool, broadcasts to [n,heads,t,capacity]: which positions each one may see,
  // counted from the first of the text; with rotary or linear positions texts of several lengths may so be
  // padded in front. Needs the option `cache`.
  Tensor extend(Operand x, const Tensor& mask = {});

  Linear query;
  Linear key;
  Linear value;
  Linear output;
  std::optional<KeyValueCache> cache;

 private:
  // What attention takes of `x` and of what it attends to: [n,heads,t,w] and, of fewer heads,
  // [n,kv_heads,s,w].
  struct Heads {
    Tensor query, key;
    AttentionOptions options;
  };
  Heads heads_of(const Tensor& x, const AttentionInputs& inputs) const;
  Tensor split_heads(const Tensor& x, int64_t heads) const;           // [n,t,heads*w] → [n,heads,t,w]
  Tensor turned(const Tensor& heads, const Tensor& positions) const;  // by rotary_base, where it is given
  Tensor joined(const Tensor& heads) const;                           // [n,heads,t,w] → output
  // Of queries and keys at these positions.
  AttentionOptions to_options(const Tensor& queries, const Tensor& keys) const;

  MultiHeadAttentionOptions options_;
};

}  // namespace nn
}  // namespace sinter
