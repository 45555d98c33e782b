#include "examples/support/utf8.h"

#include <array>

namespace examples {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// Takes one character off the front of a text that is not empty; kInvalid, and one byte, where it is not
// UTF-8.
constexpr char32_t kInvalid = 0xffffffff;
char32_t take_character(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};

  bool valid = length > 0 && length <= text.size();
  char32_t c = length <= 1 ? lead : lead & (0x7fu >> length);
  for (size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xc0) == 0x80;
    c = c << 6 | (byte(i) & 0x3f);
  }
  valid = valid && c >= kSmallest[length] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
  text.remove_prefix(valid ? length : 1);
  return valid ? c : kInvalid;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_character(text) == kInvalid) return false;
  }
  return true;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string characters;
  while (!text.empty()) {
    const char32_t c = take_character(text);
    characters += c == kInvalid ? kReplacement : c;
  }
  return characters;
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  const auto tail = [&](char32_t c, int shift) { bytes += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  for (char32_t c : text) {
    if (c < 0x80) {
      bytes += static_cast<char>(c);
    } else if (c < 0x800) {
      bytes += static_cast<char>(0xc0 | c >> 6);
      tail(c, 0);
    } else if (c < 0x10000) {
      bytes += static_cast<char>(0xe0 | c >> 12);
      tail(c, 6);
      tail(c, 0);
    } else {
      bytes += static_cast<char>(0xf0 | c >> 18);
      tail(c, 12);
      tail(c, 6);
      tail(c, 0);
    }
  }
  return bytes;
}

}  // namespace examples
