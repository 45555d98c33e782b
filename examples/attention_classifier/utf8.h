#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "examples/support/utf8.h"

namespace attention_classifier {

using examples::decode_utf8;
using examples::encode_utf8;
using examples::is_utf8;

// What Python's str methods say of a word. Exact for ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic (up
// to U+052F); other letters count as alphanumeric and have no case, other symbols are known by their blocks.

std::string lower(std::string_view word);                          // str.lower()
std::string last_characters(std::string_view word, size_t count);  // word[-count:]
bool is_upper(std::string_view word);                              // str.isupper()
bool has_digit(std::string_view word);                             // any(c.isdigit() for c in word)
bool has_alphanumeric(std::string_view word);                      // any(c.isalnum() for c in word)
bool starts_upper(std::string_view word);                          // word[0].isupper()

}  // namespace attention_classifier
