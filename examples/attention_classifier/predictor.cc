#include "examples/attention_classifier/predictor.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "examples/attention_classifier/windows.h"
#include "runtime/error.h"

namespace attention_classifier {
namespace {

sinter::Program compiled(const std::string& path, const Checkpoint& checkpoint,
                         const AttentionClassifier& model, const DeviceOptions& options) {
  sinter::Program program;
  add_predict(program, model);
  program.compile(
      {.device = options.device, .threads = options.threads, .dims = {{"batch", 1}}, .fuse = options.fuse});
  restore(path, checkpoint, program);
  return program;
}

// The classes are not known, and not used.
Sentence to_sentence(std::span<const std::string> words) {
  Sentence sentence;
  for (const std::string& word : words) sentence.push_back({word, WordClass::other});
  return sentence;
}

std::vector<std::string> padded_words(const Sentence& window) {
  std::vector<std::string> words;
  std::ranges::transform(window, std::back_inserter(words), &Word::text);
  words.resize(static_cast<size_t>(kWindowLength), kPadding);
  return words;
}

std::vector<float> values_of(const sinter::Function& call, const char* name) {
  const std::span<const float> values = call.output<float>(name);
  return {values.begin(), values.end()};
}

}  // namespace

Predictor::Predictor(const std::string& path, const Checkpoint& checkpoint, const DeviceOptions& options)
    : vocabulary_(checkpoint.vocabulary),
      heads_(checkpoint.model.heads),
      model_(checkpoint.model),
      program_(compiled(path, checkpoint, model_, options)),
      call_(program_.function("predict")),
      feed_(call_) {}

std::vector<Stages> Predictor::run(std::span<const std::string> words) {
  if (words.empty()) throw sinter::RuntimeError("the sentence has no words");
  const std::array<Sentence, 1> sentence = {to_sentence(words)};
  const std::vector<Sentence> cut = cut_windows(sentence);
  const Windows encoded = encode_windows(sentence, vocabulary_);
  Windows one(1);
  std::vector<Stages> all;
  for (int64_t i = 0; i < encoded.count(); ++i) {
    gather_windows(encoded, std::span(&i, 1), one);
    feed_.load(one);
    call_.run();
    all.push_back({padded_words(cut[static_cast<size_t>(i)]), heads_, values_of(call_, "embeddings"),
                   values_of(call_, "weights"), values_of(call_, "contexts"), values_of(call_, "transformed"),
                   values_of(call_, "probabilities")});
  }
  return all;
}

}  // namespace attention_classifier
