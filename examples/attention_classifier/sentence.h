#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attention_classifier {

enum class WordClass : int32_t { noun, verb, modifier, function, other };

inline constexpr int64_t kClassCount = 5;
inline constexpr std::array<std::string_view, kClassCount> kClassNames = {"noun", "verb", "modifier",
                                                                          "function", "other"};

struct Word {
  std::string text;  // valid UTF-8, not empty
  WordClass word_class;

  bool operator==(const Word&) const = default;
};

using Sentence = std::vector<Word>;

}  // namespace attention_classifier
