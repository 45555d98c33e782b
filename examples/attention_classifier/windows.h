#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "examples/attention_classifier/sentence.h"
#include "examples/attention_classifier/vocabulary.h"
#include "runtime/tensor.h"

namespace attention_classifier {

inline constexpr int64_t kWindowLength = 10;
inline constexpr int32_t kNoLabel = -100;  // of padding

// Sentences cut into pieces of at most ten words.
std::vector<Sentence> cut_windows(std::span<const Sentence> sentences);

// Windows as a model takes them. Those made empty are all padding, with length 0.
struct Windows {
  Windows() = default;
  explicit Windows(int64_t count);

  int64_t count() const { return words.shape()[0]; }

  sinter::runtime::HostTensor words;    // i32[count,10], padded with kPaddingId
  sinter::runtime::HostTensor endings;  // the same
  sinter::runtime::HostTensor shapes;   // the same
  sinter::runtime::HostTensor lengths;  // i32[count]
  sinter::runtime::HostTensor labels;   // i32[count,10], padded with kNoLabel
};

// Cuts and encodes; the windows are in the order of cut_windows.
Windows encode_windows(std::span<const Sentence> sentences, const Vocabulary& vocabulary);

// 0 to count - 1 in an order that depends on nothing but the arguments.
std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, uint32_t epoch);

// Fills a batch with the chosen windows, in order, and the rest of it with padding. There may be no more of
// them than the batch holds. Allocates nothing.
void gather_windows(const Windows& from, std::span<const int64_t> chosen, Windows& batch);

}  // namespace attention_classifier
