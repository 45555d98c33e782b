#include "examples/attention_classifier/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "examples/attention_classifier/conllu.h"

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

// for x in values: h = (h * 1000003 + x + 200) % (2**31 - 1), over the arrays that the same recipe gives in
// Python.
uint64_t digest(const Windows& windows) {
  uint64_t hash = 0;
  for (const auto* ids : {&windows.words, &windows.endings, &windows.shapes, &windows.labels}) {
    for (int32_t id : ids->values<int32_t>())
      hash = (hash * 1000003 + static_cast<uint64_t>(id + 200)) % 0x7fffffff;
  }
  return hash;
}

TEST(Windows, RealSentencesAreEncodedAsInPython) {
  const std::string folder = SINTER_SOURCE_DIR "/../shared/data/ud-english-ewt";
  const std::string train_path = folder + "/en_ewt-ud-train.conllu";
  const std::string dev_path = folder + "/en_ewt-ud-dev.conllu";
  for (const std::string& path : {train_path, dev_path}) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is missing";
  }
  const std::vector<Sentence> train = read_conllu(train_path);
  const std::vector<Sentence> dev = read_conllu(dev_path);
  EXPECT_EQ(train.size(), 12544u);
  EXPECT_EQ(dev.size(), 2001u);
  const Vocabulary vocabulary(train);
  EXPECT_EQ(vocabulary.word_count(), 8867);
  EXPECT_EQ(vocabulary.ending_count(), 1852);
  const Windows train_windows = encode_windows(train, vocabulary);
  const Windows dev_windows = encode_windows(dev, vocabulary);
  EXPECT_EQ(train_windows.count(), 26586);
  EXPECT_EQ(dev_windows.count(), 3521);
  EXPECT_EQ(digest(train_windows), 426578916u);
  EXPECT_EQ(digest(dev_windows), 1512312879u);
}

}  // namespace
}  // namespace attention_classifier
