#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace attention_classifier {

// What Python's str methods say of a word. Exact for ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic (up
// to U+052F); other letters count as alphanumeric and have no case, other symbols are known by their blocks.

bool is_utf8(std::string_view text);
std::u32string decode_utf8(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
std::string encode_utf8(std::u32string_view text);

std::string lower(std::string_view word);                          // str.lower()
std::string last_characters(std::string_view word, size_t count);  // word[-count:]
bool is_upper(std::string_view word);                              // str.isupper()
bool has_digit(std::string_view word);                             // any(c.isdigit() for c in word)
bool has_alphanumeric(std::string_view word);                      // any(c.isalnum() for c in word)
bool starts_upper(std::string_view word);                          // word[0].isupper()

}  // namespace attention_classifier
