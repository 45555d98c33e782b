#include "examples/attention_classifier/windows.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "runtime/random.h"

namespace attention_classifier {
namespace {

using sinter::runtime::DType;
using sinter::runtime::HostTensor;

constexpr uint32_t kShuffleKey = 0x73687566;  // "shuf"

int32_t* row(HostTensor& tensor, int64_t index) {
  return tensor.data<int32_t>() + index * kWindowLength;
}

void clear_row(Windows& windows, int64_t index) {
  for (HostTensor* ids : {&windows.words, &windows.endings, &windows.shapes}) {
    std::fill_n(row(*ids, index), kWindowLength, kPaddingId);
  }
  std::fill_n(row(windows.labels, index), kWindowLength, kNoLabel);
  windows.lengths.data<int32_t>()[index] = 0;
}

}  // namespace

std::vector<Sentence> cut_windows(std::span<const Sentence> sentences) {
  std::vector<Sentence> windows;
  for (const Sentence& sentence : sentences) {
    for (auto begin = sentence.begin(); begin != sentence.end();) {
      const auto end = begin + std::min<int64_t>(kWindowLength, sentence.end() - begin);
      windows.emplace_back(begin, end);
      begin = end;
    }
  }
  return windows;
}

Windows::Windows(int64_t count)
    : words(DType::i32, {count, kWindowLength}),
      endings(DType::i32, {count, kWindowLength}),
      shapes(DType::i32, {count, kWindowLength}),
      lengths(DType::i32, {count}),
      labels(DType::i32, {count, kWindowLength}) {
  std::fill_n(labels.data<int32_t>(), labels.size(), kNoLabel);
}

Windows encode_windows(std::span<const Sentence> sentences, const Vocabulary& vocabulary) {
  const std::vector<Sentence> cut = cut_windows(sentences);
  Windows windows(static_cast<int64_t>(cut.size()));
  for (int64_t i = 0; i < windows.count(); ++i) {
    const Sentence& window = cut[static_cast<size_t>(i)];
    for (size_t j = 0; j < window.size(); ++j) {
      row(windows.words, i)[j] = vocabulary.word_id(window[j].text);
      row(windows.endings, i)[j] = vocabulary.ending_id(window[j].text);
      row(windows.shapes, i)[j] = Vocabulary::shape_id(window[j].text);
      row(windows.labels, i)[j] = static_cast<int32_t>(window[j].word_class);
    }
    windows.lengths.data<int32_t>()[i] = static_cast<int32_t>(window.size());
  }
  return windows;
}

std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, uint32_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates; the bias of a 32-bit multiply is below count / 2^32.
  const sinter::runtime::RandomStream stream{seed, epoch, kShuffleKey};
  for (size_t left = order.size(); left > 1; --left) {
    const uint64_t bits = sinter::runtime::random_bits(stream, left).first;
    std::swap(order[left - 1], order[bits * left >> 32]);
  }
  return order;
}

void gather_windows(const Windows& from, std::span<const int64_t> chosen, Windows& batch) {
  assert(static_cast<int64_t>(chosen.size()) <= batch.count());
  const auto copy_row = [&](HostTensor Windows::*member, int64_t source, int64_t target) {
    const int32_t* values = (from.*member).data<int32_t>() + source * kWindowLength;
    std::copy_n(values, kWindowLength, row(batch.*member, target));
  };
  for (int64_t i = 0; i < batch.count(); ++i) {
    if (i >= static_cast<int64_t>(chosen.size())) {
      clear_row(batch, i);
      continue;
    }
    const int64_t source = chosen[static_cast<size_t>(i)];
    for (auto member : {&Windows::words, &Windows::endings, &Windows::shapes, &Windows::labels}) {
      copy_row(member, source, i);
    }
    batch.lengths.data<int32_t>()[i] = from.lengths.data<int32_t>()[source];
  }
}

}  // namespace attention_classifier
