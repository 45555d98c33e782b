#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <cmath>

#include "tests/frontend/evaluate.h"
#include "tests/support/mistakes.h"

namespace sinter {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kMetricDevices = {"reference", "cpu", "vulkan"};

// What `counts` gives for two batches of the inputs' rows.
std::vector<Array> counted(const std::string& device, const std::vector<Input>& inputs,
                           const Program::Body& counts, const std::vector<Arrays>& batches) {
  Program program;
  program.add("f", inputs, counts);
  program.compile({.device = device});
  std::vector<Array> all;
  for (const Arrays& batch : batches) all.push_back(program.run("f", batch).at("counts"));
  return all;
}

Arrays labelled(const std::vector<int32_t>& predicted, const std::vector<int32_t>& labels,
                const std::vector<float>& weights) {
  const auto rows = static_cast<int64_t>(predicted.size());
  Array logits(f32, {rows, 3});
  for (int64_t i = 0; i < rows; ++i) logits.data<float>()[i * 3 + predicted[static_cast<size_t>(i)]] = 1;
  return {
      {"logits", logits}, {"labels", Array::from(labels, {rows})}, {"weights", Array::from(weights, {rows})}};
}

const std::vector<Input> kLabelled = {{"logits", f32, {4, 3}}, {"labels", i32, {4}}, {"weights", f32, {4}}};
const std::vector<Arrays> kLabelledBatches = {labelled({0, 1, 2, 1}, {0, 0, 2, -1}, {1, 1, 1, 1}),
                                              labelled({0, 1, 1, 0}, {1, 1, 1, 2}, {1, 1, 1, 0})};

// Rows of label 0: 1 of 2 found; of 1: 2 of 3; of 2: 1 of 1.
TEST(Metrics, OfClassesAreThoseOfAllBatches) {
  for (const std::string& device : kMetricDevices) {
    const auto all = counted(
        device, kLabelled,
        [](const Inputs& in) -> Outputs {
          return {{"counts", confusion_counts(in["logits"], in["labels"],
                                              {.ignore_index = -1, .weights = in["weights"]})}};
        },
        kLabelledBatches);
    Confusion confusion;
    for (const Array& counts : all) confusion.add(counts);
    EXPECT_EQ(confusion.classes(), 3);
    std::vector<double> matrix;
    for (int64_t i = 0; i < 9; ++i) matrix.push_back(confusion.count(i / 3, i % 3));
    EXPECT_THAT(matrix, ElementsAre(1, 1, 0, 1, 2, 0, 0, 0, 1)) << device;
    EXPECT_DOUBLE_EQ(confusion.accuracy(), 4. / 6);
    EXPECT_DOUBLE_EQ(confusion.precision(1), 2. / 3);
    EXPECT_DOUBLE_EQ(confusion.recall(0), 1. / 2);
    EXPECT_DOUBLE_EQ(confusion.f1(0), 1. / 2);
    EXPECT_DOUBLE_EQ(confusion.precision(), (1. / 2 + 2. / 3 + 1) / 3);
    EXPECT_DOUBLE_EQ(confusion.recall(), (1. / 2 + 2. / 3 + 1) / 3);
    EXPECT_DOUBLE_EQ(confusion.f1(), (1. / 2 + 2. / 3 + 1) / 3);
  }
  EXPECT_TRUE(std::isnan(Confusion().accuracy()));
}

TEST(Metrics, AccuracyIsAnAverage) {
  for (const std::string& device : kMetricDevices) {
    const auto all = counted(
        device, kLabelled,
        [](const Inputs& in) -> Outputs {
          return {{"counts", accuracy_counts(in["logits"], in["labels"],
                                             {.ignore_index = -1, .weights = in["weights"]})}};
        },
        kLabelledBatches);
    Average accuracy;
    for (const Array& counts : all) accuracy.add(counts);
    EXPECT_EQ(accuracy.count(), 6) << device;
    EXPECT_DOUBLE_EQ(accuracy.mean(), 4. / 6) << device;
  }
  EXPECT_TRUE(std::isnan(Average().mean()));
}

// The mean of 1, 4 and 9, the last of weight 2, and what is infinite and does not count.
TEST(Metrics, AveragesAreWeighted) {
  for (const std::string& device : kMetricDevices) {
    const auto all = counted(
        device, {{"x", f32, {2}}, {"weights", f32, {2}}},
        [](const Inputs& in) -> Outputs {
          return {{"counts", mean_counts(square(in["x"]), in["weights"])}};
        },
        {{{"x", Array::from<float>({1, 2}, {2})}, {"weights", Array::from<float>({1, 1}, {2})}},
         {{"x", Array::from<float>({3, INFINITY}, {2})}, {"weights", Array::from<float>({2, 0}, {2})}}});
    Average average;
    for (const Array& counts : all) average.add(counts);
    EXPECT_DOUBLE_EQ(average.mean(), 23. / 4) << device;
    EXPECT_DOUBLE_EQ(average.perplexity(), std::exp(23. / 4)) << device;
  }
}

// Counted pair by pair.
TEST(Metrics, RankingIsTheShareOfPairsInOrder) {
  constexpr int kRows = 64;
  Arrays batches[2];
  std::vector<float> scores;
  std::vector<int32_t> targets;
  for (Arrays& batch : batches) {
    Array score(f32, {kRows}), target(i32, {kRows});
    for (int i = 0; i < kRows; ++i) {
      const int mixed = (i * 37 + static_cast<int>(scores.size()) * 11) % 101;
      score.data<float>()[i] = static_cast<float>(mixed % 21) / 20;  // 0, 1 and ties among them
      target.data<int32_t>()[i] = mixed * 7 % 30 < mixed % 21 ? 1 : 0;
      scores.push_back(score.data<float>()[i]);
      targets.push_back(target.data<int32_t>()[i]);
    }
    batch = {{"score", score}, {"target", target}};
  }
  double ordered = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (targets[i] == 0 || targets[j] == 1) continue;
      ++pairs;
      ordered += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  for (const std::string& device : kMetricDevices) {
    const auto all = counted(device, {{"score", f32, {kRows}}, {"target", i32, {kRows}}},
                             [](const Inputs& in) -> Outputs {
                               return {{"counts", ranking_counts(in["score"], in["target"], 100)}};
                             },
                             {batches[0], batches[1]});
    Ranking ranking;
    for (const Array& counts : all) ranking.add(counts);
    EXPECT_DOUBLE_EQ(ranking.auc(), ordered / pairs) << device;
  }
  Ranking exact;
  for (const Arrays& batch : batches) exact.add(batch.at("score"), batch.at("target"));
  EXPECT_DOUBLE_EQ(exact.auc(), ordered / pairs);
  EXPECT_TRUE(std::isnan(Ranking().auc()));
}

// Scores that no bin would tell apart, of any size; a row of weight 0 does not count, whatever it is.
TEST(Metrics, RankingOfScoresIsExact) {
  const Array scores = Array::from<float>({1e-9f, 2e-9f, 300, -5, 2e-9f, std::nanf("")}, {6});
  const Array targets = Array::from<int64_t>({0, 1, 0, 1, 0, 7}, {6});
  const Array weights = Array::from<float>({1, 2, 1, 1, 3, 0}, {6});
  Ranking ranking;
  ranking.add(scores, targets, weights);
  // Of 2 * 5 pairs with the 1 at 2e-9, 2 * 1 are in order and 2 * 3 equal; none with that at -5.
  EXPECT_DOUBLE_EQ(ranking.auc(), (2 + 6 / 2.) / (3 * 5));
}

TEST(Metrics, SayWhatDoesNotFit) {
  const auto error = [](const std::function<Tensor()>& body) { return message_of([&] { evaluate(body); }); };
  static const Shape wide = {2, 3}, tall = {3, 2};
  expect_told("metrics_test.cc",
              {
                  {this_line(), error([] { return accuracy_counts(zeros(wide), zeros({3}, i32)); }),
                   "accuracy_counts: labels i32[3] do not fit logits f32[2,3]"},
                  {this_line(), error([] { return confusion_counts(zeros(wide), zeros({2})); }),
                   "confusion_counts: takes integer labels, got f32[2]"},
                  {this_line(), error([] { return mean_counts(zeros({2}), zeros({3})); }),
                   "mean_counts: takes a tensor of weights that broadcasts to f32[2], got f32[3]"},
                  {this_line(), error([] { return ranking_counts(zeros({2}), zeros({2}, i32), 1); }),
                   "ranking_counts: bins must be at least 2, got 1"},
                  {this_line(), error([] { return ranking_counts(zeros({2}), zeros({3}, i32)); }),
                   "ranking_counts: targets i32[3] do not fit scores f32[2]"},
              });
  EXPECT_EQ(message_of([] { Average().add(Array(f32, {3})); }), "Average: adds up f32[2], got f32[3]");
  EXPECT_EQ(message_of([] { Confusion().add(Array(f32, tall)); }),
            "Confusion: adds up f32[3,3], got f32[3,2]");
  EXPECT_EQ(message_of([] { Ranking().add(Array(i32, {2, 5})); }), "Ranking: adds up f32[2,5], got i32[2,5]");
  const Array two(f32, {2}), zero(i32, {2});
  EXPECT_EQ(message_of([&] { Ranking().add(zero, zero); }), "Ranking: takes scores f32, got i32");
  EXPECT_EQ(message_of([&] { Ranking().add(two, two); }),
            "Ranking: takes targets i32 or i64 of the scores' shape, got f32[2] with f32[2]");
  EXPECT_EQ(message_of([&] { Ranking().add(two, zero, Array(f32, {3})); }),
            "Ranking: takes weights f32 of the scores' shape, got f32[3] with f32[2]");
  EXPECT_EQ(message_of([&] {
              Ranking().add(two, Array::from<int32_t>({1, 2}, {2}));
            }),
            "Ranking: target 1 is 2, not 0 or 1");
  EXPECT_EQ(message_of([&] {
              Ranking().add(two, zero, Array::from<float>({1, -1}, {2}));
            }),
            "Ranking: weight 1 is -1, not from 0 on");
  EXPECT_EQ(message_of([&] {
              Ranking().add(Array::from<float>({1, std::nanf("")}, {2}), zero);
            }),
            "Ranking: score 1 is no number");
  EXPECT_EQ(message_of([&] {
              Ranking ranking;
              ranking.add(two, zero);
              ranking.add(Array(f32, {2, 5}));
            }),
            "Ranking: adds up counts or takes scores, not both");
  EXPECT_EQ(message_of([] { Confusion().count(0, 1); }), "Confusion: there is no class 0 or 1, of 0");
}

}  // namespace
}  // namespace sinter
