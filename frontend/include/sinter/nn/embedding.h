#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

#include <optional>

namespace SINTER_EXPORT sinter {
namespace nn {

struct EmbeddingOptions {
  double deviation = 1;                                // the table begins as N(0, deviation)
  std::optional<Initializer> weight_initializer = {};  // in place of it
};
// Integer ids [b] give rows of a table: [b,width]. An id outside 0 .. count-1 fails the call. Of positions it
// is what learned positions are.
class Embedding : public Module {
 public:
  Embedding(Module& owner, Name name, int64_t count, int64_t width, EmbeddingOptions options = {});
  Tensor operator()(Operand ids) const;
  // How much x [b,width] is like each row, [b,count]: a head that is tied to the table (Press and Wolf 2017).
  Tensor logits(Operand x) const;

  Parameter weight;  // [count,width]
};

enum class Bag { sum, mean, max };
struct EmbeddingBagOptions {
  Bag mode = Bag::mean;
  double deviation = 1;
  std::optional<Initializer> weight_initializer = {};
};
struct EmbeddingBagInputs {
  Tensor lengths = {};  // i32 [b]: of each bag, ids from there on do not count, whatever they are
  Tensor weights = {};  // [b,t]: what each row is multiplied by; of a sum
};
// The rows of each bag of ids [b,t] as one: [b,width]. An empty bag gives zeros.
class EmbeddingBag : public Module {
 public:
  EmbeddingBag(Module& owner, Name name, int64_t count, int64_t width, EmbeddingBagOptions options = {});
  Tensor operator()(Operand ids, const EmbeddingBagInputs& inputs = {}) const;

  Parameter weight;  // [count,width]

 private:
  Bag mode_;
};

}  // namespace nn
}  // namespace sinter
