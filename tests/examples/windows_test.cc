#include "examples/attention_classifier/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "examples/attention_classifier/conllu.h"
#include "tests/runtime/scratch_folder.h"

namespace attention_classifier {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

Sentence sentence_of_length(size_t length) {
  Sentence sentence;
  for (size_t i = 0; i < length; ++i)
    sentence.push_back({"w" + std::to_string(i), static_cast<WordClass>(i % 5)});
  return sentence;
}

std::span<const int32_t> row(const sinter::runtime::HostTensor& tensor, size_t index) {
  return tensor.values<int32_t>().subspan(index * kWindowLength, kWindowLength);
}

TEST(Windows, CutsSentencesIntoTenWords) {
  const std::vector<Sentence> windows =
      cut_windows(std::array{sentence_of_length(10), sentence_of_length(23), sentence_of_length(1)});
  std::vector<size_t> lengths;
  for (const Sentence& window : windows) lengths.push_back(window.size());
  EXPECT_THAT(lengths, ElementsAre(10, 10, 10, 3, 1));
  EXPECT_EQ(windows[3][0].text, "w20");
}

TEST(Windows, EncodesAndPads) {
  const std::vector<Sentence> sentences = {{{"Go", WordClass::verb},
                                            {"go", WordClass::noun},
                                            {"go", WordClass::verb},
                                            {"7", WordClass::modifier}}};
  const Windows windows = encode_windows(sentences, Vocabulary(sentences));
  ASSERT_EQ(windows.count(), 1);
  EXPECT_THAT(row(windows.words, 0), ElementsAre(2, 2, 2, 1, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(row(windows.endings, 0), ElementsAre(2, 2, 2, 1, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(row(windows.shapes, 0), ElementsAre(2, 1, 1, 5, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(row(windows.labels, 0), ElementsAre(1, 0, 1, 2, -100, -100, -100, -100, -100, -100));
  EXPECT_THAT(windows.lengths.values<int32_t>(), ElementsAre(4));
}

// Fisher and Yates over philox bits, as Python computes it:
//   for left in range(n, 1, -1): j = bits(seed, epoch, 0x73687566, 0, left)[0] * left >> 32; swap left - 1
//   and j
TEST(Windows, ShufflesBySeedAndEpoch) {
  EXPECT_THAT(shuffled_order(8, 1, 0), ElementsAre(2, 1, 5, 4, 3, 6, 7, 0));
  EXPECT_THAT(shuffled_order(8, 1, 1), ElementsAre(4, 5, 2, 7, 0, 3, 1, 6));
  EXPECT_THAT(shuffled_order(8, 2, 0), ElementsAre(4, 3, 5, 6, 0, 1, 2, 7));
  EXPECT_THAT(shuffled_order(1, 1, 0), ElementsAre(0));
  EXPECT_THAT(shuffled_order(0, 1, 0), ElementsAre());
}

TEST(Windows, GathersBatchesAndPadsTheLast) {
  const std::vector<Sentence> sentences = {sentence_of_length(2), sentence_of_length(3),
                                           sentence_of_length(4)};
  const Windows all = encode_windows(sentences, Vocabulary(sentences));
  Windows batch(2);
  gather_windows(all, std::array<int64_t, 2>{2, 0}, batch);
  EXPECT_THAT(batch.lengths.values<int32_t>(), ElementsAre(4, 2));
  EXPECT_THAT(row(batch.words, 0), ElementsAreArray(row(all.words, 2)));
  EXPECT_THAT(row(batch.endings, 0), ElementsAreArray(row(all.endings, 2)));
  EXPECT_THAT(row(batch.shapes, 1), ElementsAreArray(row(all.shapes, 0)));
  EXPECT_THAT(row(batch.labels, 1), ElementsAreArray(row(all.labels, 0)));

  gather_windows(all, std::array<int64_t, 1>{1}, batch);
  EXPECT_THAT(batch.lengths.values<int32_t>(), ElementsAre(3, 0));
  EXPECT_THAT(row(batch.labels, 0), ElementsAreArray(row(all.labels, 1)));
  for (const auto* ids : {&batch.words, &batch.endings, &batch.shapes})
    EXPECT_THAT(row(*ids, 1), testing::Each(0));
  EXPECT_THAT(row(batch.labels, 1), testing::Each(kNoLabel));
}

// What the same recipe gives in Python. A digest of all ids and labels:
//   for x in values: h = (h * 1000003 + x + 200) % (2**31 - 1)
struct FromPython {
  size_t train_sentences, dev_sentences;
  int64_t words, endings;
  int64_t train_windows, dev_windows;
  uint64_t train_digest, dev_digest;
};

uint64_t digest(const Windows& windows) {
  uint64_t hash = 0;
  for (const auto* ids : {&windows.words, &windows.endings, &windows.shapes, &windows.labels}) {
    for (int32_t id : ids->values<int32_t>())
      hash = (hash * 1000003 + static_cast<uint64_t>(id + 200)) % 0x7fffffff;
  }
  return hash;
}

void expect_encoded(const std::string& train_path, const std::string& dev_path, const FromPython& expected) {
  const std::vector<Sentence> train = read_conllu(train_path);
  const std::vector<Sentence> dev = read_conllu(dev_path);
  EXPECT_EQ(train.size(), expected.train_sentences);
  EXPECT_EQ(dev.size(), expected.dev_sentences);
  const Vocabulary vocabulary(train);
  EXPECT_EQ(vocabulary.word_count(), expected.words);
  EXPECT_EQ(vocabulary.ending_count(), expected.endings);
  const Windows train_windows = encode_windows(train, vocabulary);
  const Windows dev_windows = encode_windows(dev, vocabulary);
  EXPECT_EQ(train_windows.count(), expected.train_windows);
  EXPECT_EQ(dev_windows.count(), expected.dev_windows);
  EXPECT_EQ(digest(train_windows), expected.train_digest);
  EXPECT_EQ(digest(dev_windows), expected.dev_digest);
}

// Words of a sentence, each with its part of speech behind a slash, as lines of CoNLL-U.
std::string lines(std::initializer_list<std::string_view> words) {
  std::string text;
  size_t number = 0;
  for (std::string_view word : words) {
    const size_t slash = word.rfind('/');
    text += std::to_string(++number) + "\t" + std::string(word.substr(0, slash)) + "\t_\t" +
            std::string(word.substr(slash + 1)) + "\t_\t_\t_\t_\t_\t_\n";
  }
  return text + "\n";
}

TEST(Windows, SentencesOfAFileAreEncodedAsInPython) {
  const sinter::ScratchFolder folder;
  const std::string train = folder.write(
      "train.conllu",
      "# a sentence of two windows, with words that differ in case alone\n" +
          lines({"The/DET", "Dog/NOUN", "saw/VERB", "the/DET", "dogs/NOUN", ",/PUNCT", "and/CCONJ", "the/DET",
                 "dog/NOUN", "ran/VERB", "to/ADP", "Ämter/PROPN", "and/CCONJ", "ämter/X", "7/NUM",
                 "times/NOUN", "!/PUNCT"}) +
          "1-2\tcan't\t_\t_\t_\t_\t_\t_\t_\t_\n" +
          lines({"ca/AUX", "n't/PART", "THE/DET", "meter/NOUN", "run/VERB", "7/NUM", "times/ADV"}));
  const std::string dev = folder.write(
      "dev.conllu", lines({"The/DET", "Meter/NOUN", "run/VERB", "Saw/VERB", "B2B/ADJ", ".../PUNCT"}));
  expect_encoded(train, dev,
                 {.train_sentences = 2,
                  .dev_sentences = 1,
                  .words = 8,
                  .endings = 4,
                  .train_windows = 3,
                  .dev_windows = 1,
                  .train_digest = 2001618925,
                  .dev_digest = 1056845937});
}

// The files of UD English EWT 2.15 are not part of this tree; where they are missing, the test above is the
// one.
TEST(Windows, RealSentencesAreEncodedAsInPython) {
  const std::string folder = SINTER_SOURCE_DIR "/../shared/data/ud-english-ewt";
  const std::string train = folder + "/en_ewt-ud-train.conllu";
  const std::string dev = folder + "/en_ewt-ud-dev.conllu";
  for (const std::string& path : {train, dev}) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is missing";
  }
  expect_encoded(train, dev,
                 {.train_sentences = 12544,
                  .dev_sentences = 2001,
                  .words = 8867,
                  .endings = 1852,
                  .train_windows = 26586,
                  .dev_windows = 3521,
                  .train_digest = 426578916,
                  .dev_digest = 1512312879});
}

}  // namespace
}  // namespace attention_classifier
