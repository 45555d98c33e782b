#pragma once

#include <sinter/sinter.h>

#include <cstdint>

namespace sinter {

// What the tests of exports train: an attention tagger with dropout, whose words index a table.
struct Tagger {
  static constexpr int64_t kBatch = 16, kWords = 10, kClasses = 5, kVocabulary = 50, kWidth = 64;

  nn::Module root;
  nn::Embedding embedding{root, "embedding", kVocabulary, kWidth};
  nn::MultiHeadAttention attention{root, "attention", {.width = kWidth, .heads = 4}};
  nn::FeedForward feed_forward{root, "feed_forward", {.width = kWidth, .hidden = 2 * kWidth}};
  nn::Linear classes{root, "classes", kWidth, kClasses};
  AdamW optimizer{{.learning_rate = 2e-3}};
  Dim batch{"batch"};
  Program program;

  explicit Tagger(const CompileOptions& options = {}) {
    program.add("train", {{"words", i32, {batch, kWords}}, {"labels", i32, {batch, kWords}}},
                [this](const Inputs& in) -> Outputs {
                  const Tensor loss = cross_entropy(scores(in["words"]), in["labels"]);
                  return {{"loss", optimizer.minimize(check_finite(loss, "loss")).loss}};
                },
                {.training = true});
    program.add("predict", {{"words", i32, {batch, kWords}}}, [this](const Inputs& in) -> Outputs {
      return {{"scores", scores(in["words"])}};
    });
    program.add("noise", {}, [](const Inputs&) -> Outputs { return {{"noise", random_normal({7})}}; });
    CompileOptions all = options;
    all.dims.emplace(batch, kBatch);
    program.compile(all);
  }

  Tensor scores(const Tensor& words) {
    const Tensor x = dropout(embedding(words), 0.1);
    const Tensor context = x + attention(x);
    return classes(context + feed_forward(context));
  }
};

// What train.c trains it on.
class Drawn {
 public:
  void fill(Function& train) {
    const auto words = train.input<int32_t>("words"), labels = train.input<int32_t>("labels");
    for (size_t i = 0; i < words.size(); ++i) {
      number_ = number_ * 1664525u + 1013904223u;
      words[i] = static_cast<int32_t>((number_ >> 8) % Tagger::kVocabulary);
      labels[i] = words[i] % Tagger::kClasses;
    }
  }

 private:
  uint32_t number_ = 1;
};

}  // namespace sinter
