#include "examples/attention_classifier/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace attention_classifier {
namespace {

constexpr char32_t kDottedCapitalI = 0x130;
constexpr char32_t kCombiningDot = 0x307;
constexpr char32_t kCapitalSigma = 0x3a3;
constexpr char32_t kFinalSigma = 0x3c2;

// Every stride-th letter of [first, last] is upper case, and its lower case lies `distance` further on.
struct CaseRange {
  char32_t first;
  char32_t last;
  uint32_t stride;
  int32_t distance;
};

constexpr CaseRange kCases[] = {
    {'A', 'Z', 1, 32},       {0xc0, 0xd6, 1, 32},    {0xd8, 0xde, 1, 32},    {0x100, 0x12e, 2, 1},
    {0x132, 0x136, 2, 1},    {0x139, 0x147, 2, 1},   {0x14a, 0x176, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1},    {0x370, 0x372, 2, 1},   {0x376, 0x376, 1, 1},   {0x37f, 0x37f, 1, 116},
    {0x386, 0x386, 1, 38},   {0x388, 0x38a, 1, 37},  {0x38c, 0x38c, 1, 64},  {0x38e, 0x38f, 1, 63},
    {0x391, 0x3a1, 1, 32},   {0x3a3, 0x3ab, 1, 32},  {0x3cf, 0x3cf, 1, 8},   {0x3d8, 0x3ee, 2, 1},
    {0x3f4, 0x3f4, 1, -60},  {0x3f7, 0x3f7, 1, 1},   {0x3f9, 0x3f9, 1, -7},  {0x3fa, 0x3fa, 1, 1},
    {0x3fd, 0x3ff, 1, -130}, {0x400, 0x40f, 1, 80},  {0x410, 0x42f, 1, 32},  {0x460, 0x480, 2, 1},
    {0x48a, 0x4be, 2, 1},    {0x4c0, 0x4c0, 1, 15},  {0x4c1, 0x4cd, 2, 1},   {0x4d0, 0x52e, 2, 1},
    {0x531, 0x556, 1, 48},   {0x1e00, 0x1e94, 2, 1}, {0x1ea0, 0x1efe, 2, 1}, {0xff21, 0xff3a, 1, 32},
};

// Lower-case letters that are the lower case of no single letter, and upper-case ones that have no lower
// case.
constexpr std::u32string_view kOnlyLower =
    U"\u00aa\u00b5\u00ba\u00df\u0131\u0138\u0149\u017f\u037a\u0390\u03b0\u03c2\u03d0\u03d1\u03d5\u03d6\u03f0"
    U"\u03f1\u03f5\u03fc";
constexpr std::u32string_view kOnlyUpper = U"\u0130\u03d2\u03d3\u03d4";

struct Range {
  char32_t first;
  char32_t last;
};

// Beyond ASCII. Digits are those of str.isdigit(), among them superscripts, subscripts and circled ones.
constexpr Range kDigits[] = {{0xb2, 0xb3},     {0xb9, 0xb9},     {0x660, 0x669},   {0x6f0, 0x6f9},
                             {0x966, 0x96f},   {0x9e6, 0x9ef},   {0xe50, 0xe59},   {0x2070, 0x2070},
                             {0x2074, 0x2079}, {0x2080, 0x2089}, {0x2460, 0x2468}, {0xff10, 0xff19}};

// Beyond ASCII: punctuation, symbols, spaces, combining marks, private use, emoji.
constexpr Range kNotAlphanumeric[] = {
    {0x80, 0xa9},       {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},       {0xbb, 0xbb},
    {0xbf, 0xbf},       {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2c2, 0x2c5},     {0x2d2, 0x2df},
    {0x300, 0x36f},     {0x375, 0x375},   {0x378, 0x379},   {0x37e, 0x37e},     {0x380, 0x385},
    {0x387, 0x387},     {0x38b, 0x38b},   {0x38d, 0x38d},   {0x3a2, 0x3a2},     {0x3f6, 0x3f6},
    {0x482, 0x489},     {0x55a, 0x55f},   {0x589, 0x5cf},   {0x5f3, 0x61f},     {0x64b, 0x65f},
    {0x66a, 0x66d},     {0x964, 0x965},   {0x2000, 0x206f}, {0x207a, 0x207e},   {0x208a, 0x208e},
    {0x20a0, 0x20ff},   {0x2190, 0x245f}, {0x2500, 0x2775}, {0x2794, 0x2bff},   {0x3000, 0x3004},
    {0x3008, 0x3020},   {0xd800, 0xf8ff}, {0xfe00, 0xfe6f}, {0xff01, 0xff0f},   {0xff1a, 0xff20},
    {0xff3b, 0xff40},   {0xff5b, 0xff65}, {0xffe0, 0xffff}, {0x1f000, 0x1f0ff}, {0x1f200, 0x1faff},
    {0xe0000, 0x10ffff}};

template <size_t n>
bool contains(const Range (&ranges)[n], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& range) { return range.first <= c && c <= range.last; });
}

char32_t lower_of(char32_t c) {
  for (const CaseRange& range : kCases) {
    if (range.first <= c && c <= range.last && (c - range.first) % range.stride == 0) {
      return c + static_cast<char32_t>(range.distance);
    }
  }
  return c;
}

bool is_upper_letter(char32_t c) {
  return lower_of(c) != c || kOnlyUpper.find(c) != kOnlyUpper.npos;
}

bool is_lower_letter(char32_t c) {
  const auto is_image = [&](const CaseRange& range) {
    const char32_t upper = c - static_cast<char32_t>(range.distance);
    return range.first <= upper && upper <= range.last && (upper - range.first) % range.stride == 0;
  };
  return std::any_of(std::begin(kCases), std::end(kCases), is_image) || kOnlyLower.find(c) != kOnlyLower.npos;
}

bool is_cased(char32_t c) {
  return is_upper_letter(c) || is_lower_letter(c);
}

bool is_digit(char32_t c) {
  return c < 0x80 ? c >= '0' && c <= '9' : contains(kDigits, c);
}

bool is_alphanumeric(char32_t c) {
  if (c < 0x80) return is_digit(c) || is_cased(c);
  return !contains(kNotAlphanumeric, c);
}

bool any_character(std::string_view word, bool (*predicate)(char32_t)) {
  const std::u32string characters = decode_utf8(word);
  return std::any_of(characters.begin(), characters.end(), predicate);
}

}  // namespace

std::string lower(std::string_view word) {
  const std::u32string characters = decode_utf8(word);
  std::u32string result;
  for (size_t i = 0; i < characters.size(); ++i) {
    const char32_t c = characters[i];
    const bool ends_word =
        i > 0 && is_cased(characters[i - 1]) && (i + 1 == characters.size() || !is_cased(characters[i + 1]));
    if (c == kDottedCapitalI) {
      result += {U'i', kCombiningDot};
    } else if (c == kCapitalSigma && ends_word) {
      result += kFinalSigma;
    } else {
      result += lower_of(c);
    }
  }
  return encode_utf8(result);
}

std::string last_characters(std::string_view word, size_t count) {
  const std::u32string characters = decode_utf8(word);
  return encode_utf8(
      std::u32string_view(characters).substr(characters.size() - std::min(count, characters.size())));
}

bool is_upper(std::string_view word) {
  return any_character(word, is_upper_letter) && !any_character(word, is_lower_letter);
}

bool has_digit(std::string_view word) {
  return any_character(word, is_digit);
}

bool has_alphanumeric(std::string_view word) {
  return any_character(word, is_alphanumeric);
}

bool starts_upper(std::string_view word) {
  return !word.empty() && is_upper_letter(decode_utf8(word.substr(0, 4)).front());
}

}  // namespace attention_classifier
