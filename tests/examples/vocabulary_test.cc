#include "examples/attention_classifier/vocabulary.h"

#include <gtest/gtest.h>

#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

Sentence sentence_of(std::initializer_list<const char*> words) {
  Sentence sentence;
  for (const char* word : words) sentence.push_back({word, WordClass::noun});
  return sentence;
}

// Counts: going 3, the 2, sing 1, ring 2, of 2. Endings: ing 6, the 2, of 2.
std::vector<Sentence> training() {
  return {sentence_of({"of", "Going", "the", "sing"}),
          sentence_of({"going", "The", "ring", "RING", "GOING", "of"})};
}

TEST(Vocabulary, NumbersWordsByCountThenAppearance) {
  const Vocabulary vocabulary(training());
  EXPECT_EQ(vocabulary.word_id("going"), 2);
  EXPECT_EQ(vocabulary.word_id("of"), 3);
  EXPECT_EQ(vocabulary.word_id("THE"), 4);
  EXPECT_EQ(vocabulary.word_id("ring"), 5);
  EXPECT_EQ(vocabulary.word_id("sing"), kUnknownId);
  EXPECT_EQ(vocabulary.word_count(), 6);
}

TEST(Vocabulary, KnowsEndingsSeenThreeTimes) {
  const Vocabulary vocabulary(training());
  EXPECT_EQ(vocabulary.ending_id("Walking"), 2);
  EXPECT_EQ(vocabulary.ending_id("the"), kUnknownId);
  EXPECT_EQ(vocabulary.ending_count(), 3);
}

TEST(Vocabulary, ShapeIsFourBitsAndOne) {
  EXPECT_EQ(Vocabulary::shape_id("word"), 1);
  EXPECT_EQ(Vocabulary::shape_id("Word"), 2);
  EXPECT_EQ(Vocabulary::shape_id("WORD"), 4);
  EXPECT_EQ(Vocabulary::shape_id(".ABC"), 3);
  EXPECT_EQ(Vocabulary::shape_id("2000"), 5);
  EXPECT_EQ(Vocabulary::shape_id("B2B"), 8);
  EXPECT_EQ(Vocabulary::shape_id("..."), 9);
}

TEST(Vocabulary, JsonFormReadsBack) {
  const std::string json = Vocabulary(training()).to_json();
  EXPECT_EQ(json, R"({"words":["going","of","the","ring"],"endings":["ing"]})");
  const Vocabulary vocabulary = Vocabulary::from_json(json);
  EXPECT_EQ(vocabulary.to_json(), json);
  EXPECT_EQ(vocabulary.word_id("ring"), 5);
  EXPECT_EQ(vocabulary.ending_id("walking"), 2);
}

TEST(Vocabulary, RefusesAnotherJson) {
  const char* message = "vocabulary: not a JSON object with the lists of strings 'words' and 'endings'";
  for (const char* text : {"", "[]", "{}", R"({"words":["a"]})", R"({"words":[1],"endings":[]})"}) {
    EXPECT_EQ(sinter::message_of([&] { Vocabulary::from_json(text); }), message) << text;
  }
  EXPECT_EQ(sinter::message_of([] { Vocabulary::from_json(R"({"words":["a","a"],"endings":[]})"); }),
            "vocabulary: 'a' stands there twice");
}

}  // namespace
}  // namespace attention_classifier
