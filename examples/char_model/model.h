#pragma once

#include <sinter/sinter.h>

namespace char_model {

struct ModelOptions {
  int64_t characters = 0;  // distinct ones
  int64_t context = 64;    // how many the model sees
  int64_t layers = 4;
  int64_t heads = 4;
  int64_t width = 128;
  double dropout = 0;
};

// A GPT after nanoGPT's recipe for a laptop: learned positions, norms before their layers, GELU, no biases,
// and the table of characters is the output's weight, too.
class Model : public sinter::nn::Module {
 public:
  explicit Model(const ModelOptions& options);

  // ids [n,t], at most `context` of them: the scores of what comes after each, [n,t,characters].
  sinter::Tensor operator()(const sinter::Tensor& ids);
  // ids [1,t] that come next in the text of a session: the scores of what comes after the last, [characters].
  sinter::Tensor extend(const sinter::Tensor& ids);

 private:
  sinter::nn::Embedding characters_;
  sinter::nn::Embedding positions_;
  sinter::nn::Dropout dropout_;
  sinter::nn::ModuleList<sinter::nn::TransformerBlock> blocks_;
  sinter::nn::LayerNorm norm_;
};

}  // namespace char_model
