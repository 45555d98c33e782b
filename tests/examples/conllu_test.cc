#include "examples/attention_classifier/conllu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

using testing::ElementsAre;

std::string line(const std::string& id, const std::string& word, const std::string& part_of_speech) {
  return id + "\t" + word + "\t_\t" + part_of_speech + "\t_\t_\t_\t_\t_\t_\n";
}

class Conllu : public testing::Test {
 protected:
  std::vector<Sentence> read(const std::string& text) { return read_conllu(folder_.write("a.conllu", text)); }

  // What is wrong with a file, without its path.
  std::string error(const std::string& text) {
    const std::string what = sinter::message_of([&] { read(text); });
    const std::string path = folder_.path("a.conllu");
    EXPECT_TRUE(what.starts_with(path)) << what;
    return what.substr(std::min(path.size(), what.size()));
  }

  sinter::ScratchFolder folder_;
};

TEST_F(Conllu, ReadsSentences) {
  const std::string text = "# sent_id = 1\n" + line("1", "The", "DET") + line("2", "dog", "NOUN") + "\n\n" +
                           "# only a comment\n\n" + line("1", "Run", "VERB") + line("2", "!", "PUNCT") + "\n";
  EXPECT_THAT(read(text), ElementsAre(Sentence{{"The", WordClass::function}, {"dog", WordClass::noun}},
                                      Sentence{{"Run", WordClass::verb}, {"!", WordClass::other}}));
}

TEST_F(Conllu, LeavesOutMultiWordTokensAndEmptyNodes) {
  const std::string text = line("1-2", "don't", "_") + line("1", "do", "AUX") + line("2", "n't", "PART") +
                           line("2.1", "go", "VERB");
  EXPECT_THAT(read(text), ElementsAre(Sentence{{"do", WordClass::verb}, {"n't", WordClass::function}}));
}

TEST_F(Conllu, TakesCarriageReturnsAndAMissingLastNewline) {
  std::string text = "# comment\r\n" + line("1", "one", "NUM") + "\r\n" + line("1", "two", "NUM");
  for (size_t at = text.find("_\n"); at != text.npos; at = text.find("_\n", at + 2))
    text.insert(at + 1, "\r");
  text.resize(text.size() - 2);
  EXPECT_THAT(read(text),
              ElementsAre(Sentence{{"one", WordClass::modifier}}, Sentence{{"two", WordClass::modifier}}));
}

TEST_F(Conllu, GivesEveryPartOfSpeechItsClass) {
  const std::vector<std::vector<const char*>> of_class = {{"NOUN", "PROPN", "PRON"},
                                                          {"VERB", "AUX"},
                                                          {"ADJ", "ADV", "NUM"},
                                                          {"ADP", "DET", "PART", "CCONJ", "SCONJ"},
                                                          {"PUNCT", "SYM", "INTJ", "X"}};
  for (size_t i = 0; i < of_class.size(); ++i) {
    for (const char* part_of_speech : of_class[i]) {
      EXPECT_EQ(read(line("1", "word", part_of_speech))[0][0].word_class, static_cast<WordClass>(i));
    }
  }
}

TEST_F(Conllu, SaysWhatIsWrong) {
  EXPECT_EQ(error("1\tThe\tthe\n"), ":1: expected 10 tab-separated columns, got 3");
  EXPECT_EQ(error("# fine\n" + line("1", "a\tb", "DET")), ":2: expected 10 tab-separated columns, got 11");
  EXPECT_EQ(error(line("1", "a", "DET") + "\n" + line("1", "a", "NOUNS")), ":3: unknown UPOS 'NOUNS'");
  EXPECT_EQ(error(line("1", "a", "_")), ":1: unknown UPOS '_'");
  for (const std::string id : {"", "x", "1-", ".1", "1-2-3", "-1", "1a"}) {
    EXPECT_EQ(error(line(id, "a", "DET")), ":1: bad id '" + id + "'");
  }
  EXPECT_EQ(error(line("1", "", "DET")), ":1: the word is empty");
  EXPECT_EQ(error(line("1", "\xff", "DET")), ":1: the line is not UTF-8");
  EXPECT_EQ(error(""), ": no sentences");
  EXPECT_EQ(error("# nothing\n\n"), ": no sentences");
  const std::string missing = folder_.path("missing");
  EXPECT_EQ(sinter::message_of([&] { read_conllu(missing); }),
            "cannot read " + missing + ": No such file or directory");
}

}  // namespace
}  // namespace attention_classifier
