#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/attention_classifier/sentence.h"

namespace attention_classifier {

inline constexpr int32_t kPaddingId = 0;
inline constexpr int32_t kUnknownId = 1;

// The three ids of a word. Known are the lower-cased words seen at least twice in training and their last
// three characters where seen at least three times, numbered from 2, the most frequent first and those
// equally frequent in order of appearance.
class Vocabulary {
 public:
  explicit Vocabulary(std::span<const Sentence> training);

  // The JSON form, {"words":[...],"endings":[...]}, lists what has the ids from 2. Throws
  // sinter::RuntimeError where the text is not one.
  static Vocabulary from_json(std::string_view text);
  std::string to_json() const;

  int32_t word_id(std::string_view word) const;
  int32_t ending_id(std::string_view word) const;
  // One more than the sum of 1 capitalised, 2 all capitals, 4 has a digit, 8 no letter or digit.
  static int32_t shape_id(std::string_view word);

  // Rows of the embedding tables, with those of padding and of what is unknown.
  int64_t word_count() const { return words_.row_count(); }
  int64_t ending_count() const { return endings_.row_count(); }
  static constexpr int64_t shape_count() { return 17; }

 private:
  class Table {
   public:
    explicit Table(std::vector<std::string> entries);
    int32_t id(const std::string& entry) const;
    int64_t row_count() const { return static_cast<int64_t>(entries_.size()) + kUnknownId + 1; }
    const std::vector<std::string>& entries() const { return entries_; }

   private:
    std::vector<std::string> entries_;
    std::unordered_map<std::string, int32_t> ids_;
  };

  Vocabulary(Table words, Table endings) : words_(std::move(words)), endings_(std::move(endings)) {}
  static Table frequent(std::span<const Sentence> training, int64_t least,
                        std::string (*entry_of)(std::string_view));

  Table words_;
  Table endings_;
};

}  // namespace attention_classifier
