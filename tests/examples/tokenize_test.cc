#include "examples/attention_classifier/tokenize.h"

#include <gmock/gmock.h>

namespace attention_classifier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Tokenize, CutsAtSpacesAndAroundPunctuation) {
  EXPECT_THAT(tokenize(" The plans,\tthe run\n(all) end. "),
              ElementsAre("The", "plans", ",", "the", "run", "(", "all", ")", "end", "."));
  EXPECT_THAT(tokenize("a high-speed e-mail"), ElementsAre("a", "high", "-", "speed", "e", "-", "mail"));
  EXPECT_THAT(tokenize("Überraschung für 東京"), ElementsAre("Überraschung", "für", "東京"));
  EXPECT_THAT(tokenize(""), IsEmpty());
  EXPECT_THAT(tokenize(" \t\u00a0"), IsEmpty());
}

TEST(Tokenize, KeepsRepeatedSignsAndNumbersWhole) {
  EXPECT_THAT(tokenize("Well... no -- 1,000.5!!"), ElementsAre("Well", "...", "no", "--", "1,000.5", "!!"));
  EXPECT_THAT(tokenize("in 2005, or 3."), ElementsAre("in", "2005", ",", "or", "3", "."));
}

TEST(Tokenize, CutsContractionsAsTreebanksDo) {
  EXPECT_THAT(tokenize("Don't I'M they’re can't"),
              ElementsAre("Do", "n't", "I", "'M", "they", "’re", "ca", "n't"));
  EXPECT_THAT(tokenize("the dog's 'dog' o'neal n't"),
              ElementsAre("the", "dog", "'s", "'", "dog", "'", "o", "'", "neal", "n", "'", "t"));
}

TEST(Tokenize, ReplacesBytesThatAreNotText) {
  EXPECT_THAT(tokenize("run \xff"), ElementsAre("run", "\uFFFD"));
}

}  // namespace
}  // namespace attention_classifier
