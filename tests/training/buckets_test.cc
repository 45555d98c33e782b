#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <chrono>
#include <cmath>

// Texts of mixed lengths, by buckets and all as long as the longest.
namespace sinter {
namespace {

constexpr int64_t kTexts = 512, kLongest = 128, kWords = 100, kWidth = 32;

// A few long ones among many that are short: 10 to 128 words, 28 in the mean.
Sequences texts() {
  std::vector<int64_t> ends;
  std::vector<int32_t> words;
  for (int64_t i = 0; i < kTexts; ++i) {
    const double share = static_cast<double>(i * 389 % kTexts) / kTexts;
    const auto length = static_cast<int64_t>(std::min(10 / (1 - share), static_cast<double>(kLongest)));
    for (int64_t j = 0; j < length; ++j) words.push_back(static_cast<int32_t>((i + j * j) % kWords));
    ends.push_back(static_cast<int64_t>(words.size()));
  }
  return sequences(Array::from(words, {static_cast<int64_t>(words.size())}), Array::from(ends, {kTexts}));
}

Batches batches_of(const std::vector<int64_t>& sizes) {
  const Sequences all = texts();
  return Batches(
      {{"ids", all.values}, {"lengths", all.lengths}},
      {.size = 16,
       .order = Order::shuffled,
       .seed = 3,
       .buckets = Buckets{.lengths = "lengths", .columns = {"ids"}, .sizes = sizes, .dim = "time"}});
}

struct Reader : nn::Module {
  nn::Embedding words{*this, "words", kWords, kWidth};
  nn::MultiHeadAttention attention{*this, "attention", {.width = kWidth, .heads = 4, .causal = true}};
  nn::FeedForward feed_forward{*this, "feed_forward", {.width = kWidth, .hidden = 4 * kWidth}};
  nn::Linear next{*this, "next", kWidth, kWords};

  Tensor logits(const Tensor& ids, const Tensor& lengths) const {
    Tensor x = words(ids);
    x = x + attention(x, {.lengths = lengths});
    return next(x + feed_forward(x));
  }
};

// A program that learns which word is which, with the loss of each text added up and counted.
struct ReaderInTraining {
  Reader reader;
  SGD sgd{{.learning_rate = 0.01}};
  Dim time{"time"};
  Program program;

  ReaderInTraining() {
    const std::vector<Input> inputs = {{"ids", i32, {16, time}}, {"lengths", i32, {16}}};
    const auto loss_of = [this](const Inputs& in) {
      const Tensor& ids = in["ids"];
      const Tensor is_word = iota(ids.shape(), 1) < expand_dims(in["lengths"], -1);
      return mean_counts(
          cross_entropy(reader.logits(ids, in["lengths"]), ids, {.reduction = Reduction::none}),
          cast(is_word, f32));
    };
    program.add("train", inputs,
                [=, this](const Inputs& in) -> Outputs {
                  const Tensor counts = loss_of(in);
                  return {{"loss", sgd.minimize(reshape(slice(counts, 0, 0, 1), {}) / 100).loss}};
                },
                {.training = true});
    program.add("evaluate", inputs, [=](const Inputs& in) -> Outputs { return {{"counts", loss_of(in)}}; });
    program.compile({.device = "cpu", .threads = 1, .seed = 1});
  }

  double seconds(Batches& batches) {
    batches.seek({});
    const auto start = std::chrono::steady_clock::now();
    train(program, batches, {.epochs = 1});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

TEST(ByBuckets, ALossIsThatOfAllPadded) {
  ReaderInTraining training;
  std::vector<Average> averages(2);
  for (size_t i = 0; i < 2; ++i) {
    Batches batches = batches_of(i == 0 ? std::vector{kLongest} : std::vector<int64_t>{16, 32, 64, kLongest});
    averages[i].add(evaluate(training.program, batches).sum("counts"));
  }
  EXPECT_EQ(averages[0].count(), averages[1].count());
  EXPECT_NEAR(averages[0].mean(), averages[1].mean(), 1e-5);
}

// By nearly three times; half of that is asked for.
TEST(ByBuckets, TrainsFasterThanAllPadded) {
  ReaderInTraining training;
  Batches padded = batches_of({kLongest}), bucketed = batches_of({16, 32, 64, kLongest});
  double longest = INFINITY, shortest = INFINITY;
  for (int round = 0; round < 4; ++round) {  // the first compiles
    longest = std::min(longest, training.seconds(padded));
    shortest = std::min(shortest, training.seconds(bucketed));
  }
  RecordProperty("speedup", std::to_string(longest / shortest));
  EXPECT_GT(longest / shortest, 1.5);
}

}  // namespace
}  // namespace sinter
