#include "examples/attention_classifier/generated_language.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace attention_classifier {
namespace {

TEST(GeneratedLanguage, DependsOnTheSeedAlone) {
  const GeneratedLanguage language = generate_language(1);
  EXPECT_EQ(language.train.size(), 4000u);
  EXPECT_EQ(language.dev.size(), 500u);
  EXPECT_EQ(generate_language(1).train, language.train);
  EXPECT_EQ(generate_language(1).dev, language.dev);
  EXPECT_NE(generate_language(2).train, language.train);
  EXPECT_NE(generate_language(1, 500, 500).train, language.dev);
}

TEST(GeneratedLanguage, EverySentenceIsOneWindow) {
  for (const Sentence& sentence : generate_language(3).train) {
    EXPECT_GE(sentence.size(), 4u);
    EXPECT_LE(sentence.size(), 10u);
  }
}

TEST(GeneratedLanguage, CeilingIsTheShareOfMostFrequentClasses) {
  using enum WordClass;
  const std::vector<Sentence> sentences = {{{"the", function}, {"run", noun}},
                                           {{"i", noun}, {"run", verb}},
                                           {{"the", function}, {"run", noun}, {"the", noun}}};
  EXPECT_DOUBLE_EQ(context_free_ceiling(sentences), 5.0 / 7.0);
  EXPECT_EQ(context_free_ceiling({}), 0);
}

TEST(GeneratedLanguage, WordsAloneDoNotTell) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const GeneratedLanguage language = generate_language(seed);
    EXPECT_GT(context_free_ceiling(language.dev), 0.80);
    EXPECT_LT(context_free_ceiling(language.dev), 0.88);
    EXPECT_NEAR(context_free_ceiling(language.train), context_free_ceiling(language.dev), 0.03);
  }
}

// Words that are ambiguous in the same way are one word here, so that patterns of sentences meet often: no
// pattern may be read in two ways.
TEST(GeneratedLanguage, TheSentenceTells) {
  const std::vector<Sentence> sentences = generate_language(1, 60'000, 0).train;
  std::map<std::string, std::set<WordClass>> classes_of_word;
  for (const Sentence& sentence : sentences) {
    for (const Word& word : sentence) classes_of_word[word.text].insert(word.word_class);
  }
  std::map<std::string, std::vector<WordClass>> reading_of_pattern;
  size_t met_again = 0;
  for (const Sentence& sentence : sentences) {
    std::string pattern;
    std::vector<WordClass> reading;
    for (const Word& word : sentence) {
      const std::set<WordClass>& classes = classes_of_word[word.text];
      const bool ambiguous = classes.size() > 1 && word.text != "like" && word.text != "well";
      pattern += ambiguous ? classes.contains(WordClass::verb) ? "<noun or verb> " : "<modifier or noun> "
                           : word.text + " ";
      reading.push_back(word.word_class);
    }
    const auto [known, is_new] = reading_of_pattern.emplace(pattern, reading);
    if (is_new) continue;
    ++met_again;
    EXPECT_EQ(known->second, reading) << pattern;
  }
  EXPECT_GT(met_again, 10'000u);
}

}  // namespace
}  // namespace attention_classifier
