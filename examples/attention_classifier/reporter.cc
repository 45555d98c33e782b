#include "examples/attention_classifier/reporter.h"

#include <algorithm>
#include <array>
#include <utility>

namespace attention_classifier {
namespace {

Windows encoded(const Vocabulary& vocabulary, const std::vector<std::string>& words) {
  std::array<Sentence, 1> sentence;
  for (const std::string& word : words) sentence[0].push_back({word, WordClass::other});
  return encode_windows(sentence, vocabulary);
}

// The weights of the first words among themselves: of [heads,window,window], without the padding.
sinter::Array cropped(const sinter::Array& weights, int64_t words) {
  const int64_t heads = weights.shape()[0], window = weights.shape()[1];
  sinter::Array result(sinter::f32, {heads, words, words});
  for (int64_t row = 0; row < heads * words; ++row) {
    const float* from = std::as_const(weights).data<float>() + (row / words * window + row % words) * window;
    std::copy(from, from + words, result.data<float>() + row * words);
  }
  return result;
}

}  // namespace

Reporter::Reporter(Trainer& trainer, const Vocabulary& vocabulary, std::vector<std::string> words)
    : trainer_(trainer),
      window_(encoded(vocabulary, words)),
      attention_{.name = "Attention, a head each", .rows = words, .columns = std::move(words)} {}

void Reporter::note(const std::string& moment) {
  attention_.moments.push_back(
      {moment, cropped(trainer_.attention(window_), static_cast<int64_t>(attention_.rows.size()))});
}

void Reporter::write(const std::string& path, std::span<const EpochMetrics> epochs) const {
  sinter::ReportCurve loss{.name = "loss"}, train{.name = "train accuracy"}, dev{.name = "dev accuracy"};
  for (const EpochMetrics& epoch : epochs) {
    loss.points.emplace_back(epoch.epoch, epoch.loss);
    train.points.emplace_back(epoch.epoch, epoch.train_accuracy);
    dev.points.emplace_back(epoch.epoch, epoch.dev_accuracy);
  }
  trainer_.program().report(path, {.title = "attention classifier",
                                   .curves = {std::move(loss), std::move(train), std::move(dev)},
                                   .heat_maps = {attention_}});
}

}  // namespace attention_classifier
