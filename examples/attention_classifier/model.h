#pragma once

#include <sinter/sinter.h>

#include <cstdint>

#include "examples/attention_classifier/sentence.h"
#include "examples/attention_classifier/windows.h"

namespace attention_classifier {

inline constexpr int64_t kWidth = 64;
inline constexpr int64_t kHiddenWidth = 128;

// What a word is to the model: itself alone, or its ending and shape besides.
enum class Features { word, all };

struct ModelOptions {
  int64_t word_count;    // rows of the embedding tables, as in Vocabulary
  int64_t ending_count;  //
  int64_t heads = 4;     // divides kWidth
  Features features = Features::all;
};

// Ten words in, five class scores for each out. Every stage takes what the one before it gives:
// embed → attend → transform → classify.
class AttentionClassifier : public sinter::nn::Module {
 public:
  explicit AttentionClassifier(const ModelOptions& options);

  // words, endings, shapes i32[n,10] give f32[n,10,64]; zeroes some of it in a training function.
  sinter::Tensor embed(sinter::Operand words, sinter::Operand endings, sinter::Operand shapes) const;
  // Self-attention over the first lengths[i] words of each window, added to its input: f32[n,10,64].
  sinter::Tensor attend(sinter::Operand embeddings, const sinter::Tensor& lengths) const;
  // How much each word attends to each other: f32[n,heads,10,10].
  sinter::Tensor attention_weights(sinter::Operand embeddings, const sinter::Tensor& lengths) const;
  // Feed-forward, added to its input: f32[n,10,64].
  sinter::Tensor transform(sinter::Operand contexts) const;
  sinter::Tensor classify(sinter::Operand transformed) const;  // f32[n,10,5], logits

 private:
  static constexpr double kDropout = 0.3;
  static constexpr sinter::nn::EmbeddingOptions kEmbedding{.deviation = 0.5};

  Features features_;
  sinter::nn::Embedding words_;
  sinter::nn::Embedding endings_;
  sinter::nn::Embedding shapes_;
  sinter::nn::Parameter positions_{
      *this, "positions", {kWindowLength, kWidth}, sinter::Initializer::normal(0, kEmbedding.deviation)};
  sinter::nn::MultiHeadAttention attention_;
  sinter::nn::FeedForward feed_forward_{*this, "feed_forward", {.width = kWidth, .hidden = kHiddenWidth}};
  sinter::nn::Linear classes_{*this, "classes", kWidth, kClassCount};
};

// The three functions of a program, which share the model's parameters. Each takes "words", "endings",
// "shapes" i32[batch,10] and "lengths" i32[batch]; the first two also "labels" i32[batch,10], kNoLabel where
// there is no word. Model and optimiser must outlive the program.

// One step of training: "loss" f32, the mean over the labelled words; "correct" and "counted" i32 words. A
// loss or gradient that is not finite fails the call and changes nothing.
struct StepOptions {
  bool gives_rate = false;  // also "learning_rate" f32
  int64_t micro_batches = 1;
};
void add_train(sinter::Program& program, const AttentionClassifier& model, sinter::Optimizer& optimizer,
               const StepOptions& options = {});
// "correct" and "counted".
void add_evaluate(sinter::Program& program, const AttentionClassifier& model);
// Every stage: "embeddings", "weights", "contexts", "transformed", "probabilities".
void add_predict(sinter::Program& program, const AttentionClassifier& model);

}  // namespace attention_classifier
