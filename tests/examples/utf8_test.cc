#include "examples/attention_classifier/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace attention_classifier {
namespace {

TEST(Utf8, KnowsWhatIsValid) {
  for (const char* text : {"", "ascii", "\xc3\xa9", "\xe2\x80\x99", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  // A lone tail, a cut character, an overlong form, a surrogate, a character beyond U+10FFFF.
  for (const char* text :
       {"\x80", "\xc3", "\xe2\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8, DecodesAndEncodes) {
  const std::u32string characters = U"a\u00e9\u2019\U0001f600";
  EXPECT_EQ(encode_utf8(characters), "a\xc3\xa9\xe2\x80\x99\xf0\x9f\x98\x80");
  EXPECT_EQ(decode_utf8(encode_utf8(characters)), characters);
  EXPECT_EQ(decode_utf8("a\xc3z"), U"a\ufffdz");
}

// Expected values from Python's str methods.
TEST(Utf8, LowerCase) {
  EXPECT_EQ(lower("From"), "from");
  EXPECT_EQ(lower("\u00c9COLE"), "\u00e9cole");
  EXPECT_EQ(lower("\u0141\u00d3D\u0179"), "\u0142\u00f3d\u017a");
  EXPECT_EQ(lower("\u041c\u041e\u0421\u041a\u0412\u0410"), "\u043c\u043e\u0441\u043a\u0432\u0430");
  EXPECT_EQ(lower("\u039f\u0394\u039f\u03a3"), "\u03bf\u03b4\u03bf\u03c2");  // a sigma that ends a word
  EXPECT_EQ(lower("\u03a3\u0391"), "\u03c3\u03b1");
  EXPECT_EQ(lower("\u0130"), "i\u0307");
  EXPECT_EQ(lower("\u4e2d\u6587"), "\u4e2d\u6587");
}

TEST(Utf8, LastCharacters) {
  EXPECT_EQ(last_characters("walking", 3), "ing");
  EXPECT_EQ(last_characters("of", 3), "of");
  EXPECT_EQ(last_characters("caf\u00e9", 3), "af\u00e9");
  EXPECT_EQ(last_characters("", 3), "");
}

TEST(Utf8, ShapesOfWords) {
  EXPECT_TRUE(is_upper("USA"));
  EXPECT_TRUE(is_upper("U.S."));
  EXPECT_TRUE(is_upper("B2B"));
  EXPECT_TRUE(is_upper("\u00c9"));
  EXPECT_FALSE(is_upper("UsA"));
  EXPECT_FALSE(is_upper("2000"));
  EXPECT_FALSE(is_upper("A\u00df"));
  EXPECT_FALSE(is_upper(""));
  EXPECT_TRUE(starts_upper("\u0401lka"));
  EXPECT_FALSE(starts_upper("iPhone"));
  EXPECT_FALSE(starts_upper(""));
  EXPECT_TRUE(has_digit("B2B"));
  EXPECT_TRUE(has_digit("m\u00b2"));
  EXPECT_FALSE(has_digit("two"));
  EXPECT_TRUE(has_alphanumeric("..a"));
  EXPECT_TRUE(has_alphanumeric("\u4e2d"));
  EXPECT_FALSE(has_alphanumeric("\u2019\u2026"));
  EXPECT_FALSE(has_alphanumeric("\u2665"));
  EXPECT_FALSE(has_alphanumeric("\u00a3"));
  EXPECT_FALSE(has_alphanumeric("\U0001f600"));
}

// One number for all characters of the blocks that are to be exact. Python:
//   h = 0xcbf29ce484222325
//   for x in values: h = (h ^ x) * 0x100000001b3 % 2**64
class Digest {
 public:
  void add(unsigned char value) { value_ = (value_ ^ value) * 0x100000001b3; }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

// Up to the end of Cyrillic, without Latin Extended-B and IPA, which have no case here.
template <typename Visit>
uint64_t digest_of_characters(Visit&& visit) {
  Digest digest;
  for (char32_t c = 1; c < 0x530; ++c) {
    if (c < 0x180 || c >= 0x370) visit(encode_utf8({&c, 1}), digest);
  }
  return digest.value();
}

// values = [b for c in characters for b in c.lower().encode()]
TEST(Utf8, EveryLowerCaseIsThatOfPython) {
  const uint64_t digest = digest_of_characters([](const std::string& c, Digest& bytes) {
    for (char byte : lower(c)) bytes.add(static_cast<unsigned char>(byte));
  });
  EXPECT_EQ(digest, 0x807ff2f3c6b2a6d6u);
}

// values = [('A' + c).isupper() * 8 + c.isupper() * 4 + c.isdigit() * 2 + c.isalnum() for c in characters]
TEST(Utf8, EveryKindIsThatOfPython) {
  const uint64_t digest = digest_of_characters([](const std::string& c, Digest& kinds) {
    kinds.add(static_cast<unsigned char>(is_upper("A" + c) * 8 + starts_upper(c) * 4 + has_digit(c) * 2 +
                                         has_alphanumeric(c)));
  });
  EXPECT_EQ(digest, 0x7501f8d3d348646bu);
}

}  // namespace
}  // namespace attention_classifier
