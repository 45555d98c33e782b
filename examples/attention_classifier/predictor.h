#pragma once

#include <sinter/sinter.h>

#include <span>
#include <string>
#include <vector>

#include "examples/attention_classifier/checkpoint.h"
#include "examples/attention_classifier/feed.h"

namespace attention_classifier {

struct DeviceOptions {
  std::string device = "cpu";
  int threads = 0;  // 0: all cores
  bool fuse = true;
};

// What a model computes for one window, stage by stage, row-major.
struct Stages {
  std::vector<std::string> words;  // ten; kPadding behind the last word
  int64_t heads;
  std::vector<float> embeddings;     // [10,64]
  std::vector<float> weights;        // [heads,10,10]
  std::vector<float> contexts;       // [10,64]
  std::vector<float> transformed;    // [10,64]
  std::vector<float> probabilities;  // [10,5]
};

inline constexpr const char* kPadding = "(pad)";

// A trained model, ready to run on one window at a time.
class Predictor {
 public:
  // `path` is where the checkpoint came from, for messages. Throws as restore does.
  Predictor(const std::string& path, const Checkpoint& checkpoint, const DeviceOptions& options);

  // Of each window of ten words, in order. Throws sinter::RuntimeError where there are no words.
  std::vector<Stages> run(std::span<const std::string> words);

 private:
  Vocabulary vocabulary_;
  int64_t heads_;
  AttentionClassifier model_;
  sinter::Program program_;
  sinter::Function call_;
  Feed feed_;
};

// The stages one after the other, each with its shape and values.
std::string describe_stages(const Stages& stages);
// The classes alone, of the words that are no padding.
std::string describe_classes(const Stages& stages);

}  // namespace attention_classifier
