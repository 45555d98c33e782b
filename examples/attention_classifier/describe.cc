#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "examples/attention_classifier/predictor.h"
#include "examples/attention_classifier/terminal.h"

namespace attention_classifier {
namespace {

constexpr auto kCells = static_cast<size_t>(kWindowLength * kWindowLength);

std::string matrix_stage(int number, std::string_view name, std::string_view made_from, const Stages& stages,
                         const std::vector<float>& values) {
  return fmt::format("{}. {}  f32[1,{},{}]  {}\n{}\n", number, name, kWindowLength, kWidth, made_from,
                     matrix_preview(stages.words, values));
}

std::string weights_stage(const Stages& stages) {
  std::string text = fmt::format(
      "2. attention weights  f32[1,{},{},{}]  how much each word (row) looks at each other, in %\n",
      stages.heads, kWindowLength, kWindowLength);
  for (int64_t head = 0; head < stages.heads; ++head) {
    if (stages.heads > 1) text += fmt::format("head {} of {}\n", head + 1, stages.heads);
    const std::span<const float> all = stages.weights;
    text += attention_table(stages.words, all.subspan(static_cast<size_t>(head) * kCells, kCells)) + "\n";
  }
  return text;
}

}  // namespace

std::string describe_stages(const Stages& stages) {
  return matrix_stage(1, "embeddings", "what each word and its place are", stages, stages.embeddings) +
         weights_stage(stages) +
         matrix_stage(3, "context vectors", "embeddings + attention", stages, stages.contexts) +
         matrix_stage(4, "feed-forward output", "contexts + feed-forward", stages, stages.transformed) +
         fmt::format("5. class probabilities  f32[1,{},{}]\n{}", kWindowLength, kClassCount,
                     probability_table(stages.words, kClassNames, stages.probabilities));
}

std::string describe_classes(const Stages& stages) {
  const auto end = std::ranges::find(stages.words, kPadding);
  const auto count = static_cast<size_t>(end - stages.words.begin());
  const std::span<const std::string> words(stages.words.data(), count);
  const std::span<const float> all = stages.probabilities;
  return probability_table(words, kClassNames, all.first(count * kClassCount));
}

}  // namespace attention_classifier
