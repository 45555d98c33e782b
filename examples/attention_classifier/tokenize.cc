#include "examples/attention_classifier/tokenize.h"

#include <algorithm>
#include <array>

#include "examples/attention_classifier/utf8.h"

namespace attention_classifier {
namespace {

bool is_space(char32_t c) {
  return c == U' ' || (c >= U'\t' && c <= U'\r') || c == U'\u00a0' || c == U'\u3000';
}

bool is_word_character(char32_t c) {
  return has_alphanumeric(encode_utf8({&c, 1}));
}

bool is_ascii_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}

bool is_apostrophe(char32_t c) {
  return c == U'\'' || c == U'\u2019';
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view sentence) : text_(decode_utf8(sentence)) {}

  std::vector<std::string> run() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (const size_t length = clitic_at(at_); length > 0) {
        take(length);
      } else {
        take(is_word_character(text_[at_]) ? word_length() : repeated_length());
      }
    }
    return std::move(tokens_);
  }

 private:
  void take(size_t length) {
    tokens_.push_back(encode_utf8(std::u32string_view(text_).substr(at_, length)));
    at_ += length;
  }

  bool alphanumeric_at(size_t i) const { return i < text_.size() && is_word_character(text_[i]); }
  bool digit_at(size_t i) const { return i < text_.size() && is_ascii_digit(text_[i]); }
  // A letter in lower case, for ASCII.
  char32_t letter(size_t i) const {
    const char32_t c = text_[i];
    return c >= U'A' && c <= U'Z' ? c + (U'a' - U'A') : c;
  }

  // The length of the word like "'s" or "n't" that ends another word here; 0 where none does.
  size_t clitic_at(size_t i) const {
    if (i == 0 || !is_word_character(text_[i - 1])) return 0;
    if (i + 2 < text_.size() && letter(i) == U'n' && is_apostrophe(text_[i + 1]) && letter(i + 2) == U't' &&
        !alphanumeric_at(i + 3)) {
      return 3;
    }
    if (!is_apostrophe(text_[i])) return 0;
    constexpr std::array<std::u32string_view, 6> kAfterApostrophe = {U"s", U"re", U"ve", U"ll", U"d", U"m"};
    for (std::u32string_view ending : kAfterApostrophe) {
      const size_t end = i + 1 + ending.size();
      if (end > text_.size() || alphanumeric_at(end)) continue;
      bool same = true;
      for (size_t j = 0; j < ending.size(); ++j) same = same && letter(i + 1 + j) == ending[j];
      if (same) return 1 + ending.size();
    }
    return 0;
  }

  size_t word_length() const {
    size_t end = at_ + 1;
    while (end < text_.size() && clitic_at(end) == 0) {
      const bool in_number =
          (text_[end] == U'.' || text_[end] == U',') && is_ascii_digit(text_[end - 1]) && digit_at(end + 1);
      if (!is_word_character(text_[end]) && !in_number) break;
      ++end;
    }
    return end - at_;
  }

  size_t repeated_length() const {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] == text_[at_]) ++end;
    return end - at_;
  }

  std::u32string text_;
  size_t at_ = 0;
  std::vector<std::string> tokens_;
};

}  // namespace

std::vector<std::string> tokenize(std::string_view sentence) {
  return Tokenizer(sentence).run();
}

}  // namespace attention_classifier
