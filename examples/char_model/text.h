#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace char_model {

// The distinct characters of a text, in the order of Unicode, and their numbers.
class Vocabulary {
 public:
  explicit Vocabulary(std::u32string_view text);
  // From the characters themselves, as text() gives them.
  static Vocabulary parse(const std::string& text);

  int64_t size() const { return static_cast<int64_t>(characters_.size()); }
  std::string text() const;  // all of them, in UTF-8

  // Throws sinter::Error for a character that is none of them.
  std::vector<int32_t> encode(std::u32string_view text) const;
  std::string decode(int32_t id) const;  // in UTF-8
  bool has(char32_t character) const;

 private:
  std::u32string characters_;  // sorted
};

// A file in UTF-8. Throws sinter::Error where it is missing, is none, or has fewer than `least` characters.
std::u32string read_text(const std::string& path, int64_t least);

// Ten of Shakespeare's sonnets (1609).
std::string_view default_text();

}  // namespace char_model
