#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "frontend/data/permutation.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;

Array counted(int64_t count) {
  Array array(i32, {count});
  std::iota(array.data<int32_t>(), array.data<int32_t>() + count, 0);
  return array;
}

std::vector<int32_t> numbers(const Batch& batch, const std::string& name = "x") {
  const auto values = batch.arrays.at(name).values<int32_t>();
  return {values.begin(), values.end()};
}

std::vector<int32_t> epoch_of(Batches& batches) {
  std::vector<int32_t> all;
  for (int64_t i = 0; i < batches.per_epoch(); ++i) {
    const Batch batch = batches.next();
    const std::vector<int32_t> values = numbers(batch);
    all.insert(all.end(), values.begin(), values.begin() + batch.rows);
  }
  return all;
}

TEST(Order, HoldsEveryNumberOnce) {
  for (const uint64_t size : {1, 2, 3, 17, 256, 257, 5000}) {
    const Permutation order(size, {7, 1, 2});
    std::set<uint64_t> seen;
    for (uint64_t place = 0; place < size; ++place) seen.insert(order(place));
    EXPECT_EQ(seen.size(), size);
    EXPECT_EQ(*seen.rbegin(), size - 1);
  }
  const uint64_t huge = (uint64_t{1} << 40) + 12345;
  EXPECT_LT(Permutation(huge, {7, 1, 2})(huge - 1), huge);
}

// Each of the 24 orders of four numbers is as likely as another: chi squared with 23 degrees of freedom is
// above 49.7 once in a thousand times.
TEST(Order, IsAsLikelyAsAnyOther) {
  std::map<std::vector<uint64_t>, int> seen;
  constexpr int kSeeds = 12000;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Permutation order(4, {seed, 0, 1});
    ++seen[{order(0), order(1), order(2), order(3)}];
  }
  EXPECT_EQ(seen.size(), 24u);
  double distance = 0;
  for (const auto& [order, count] : seen) distance += (count - 500.) * (count - 500.) / 500.;
  EXPECT_LT(distance, 49.7);
}

TEST(BatchesOfRows, FillTheLastWithWeightZero) {
  Batches batches({{"x", counted(5)}, {"y", Array(f32, {5, 2})}}, {.size = 2});
  EXPECT_EQ(batches.per_epoch(), 3);
  EXPECT_THAT(numbers(batches.next()), ElementsAre(0, 1));
  batches.next();
  const Batch last = batches.next();
  EXPECT_EQ(last.rows, 1);
  EXPECT_EQ(last.position, (BatchPosition{0, 2}));
  EXPECT_THAT(numbers(last), ElementsAre(4, 0));
  EXPECT_EQ(last.arrays.at("y").shape(), (Shape{2, 2}));
  EXPECT_THAT(last.arrays.at("weight").values<float>(), ElementsAre(1, 0));
  EXPECT_EQ(batches.position(), (BatchPosition{1, 0}));
  EXPECT_THAT(numbers(batches.next()), ElementsAre(0, 1));
  Batches full({{"x", counted(5)}}, {.size = 2, .drop_last = true, .weight = ""});
  EXPECT_EQ(full.per_epoch(), 2);
  EXPECT_EQ(full.next().arrays.size(), 1u);
}

TEST(BatchesOfRows, AreShuffledBySeedAndEpoch) {
  Batches batches({{"x", counted(100)}}, {.size = 8, .order = Order::shuffled, .seed = 3});
  std::vector<int32_t> first = epoch_of(batches), second = epoch_of(batches);
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::ranges::is_sorted(first));
  batches.seek({});
  EXPECT_EQ(epoch_of(batches), first);
  Batches other({{"x", counted(100)}}, {.size = 8, .order = Order::shuffled, .seed = 4});
  EXPECT_NE(epoch_of(other), first);
  std::ranges::sort(first);
  std::ranges::sort(second);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.size(), 100u);
  EXPECT_EQ(std::ranges::adjacent_find(first), first.end());
}

TEST(BatchesOfRows, AtRandomAreDrawnAgainAndAgain) {
  Batches batches({{"x", counted(10)}}, {.size = 4, .order = Order::random, .seed = 1});
  std::map<int32_t, int> seen;
  for (int i = 0; i < 1000; ++i) {
    const Batch batch = batches.next();
    EXPECT_EQ(batch.rows, 4);
    for (const int32_t x : numbers(batch)) ++seen[x];
  }
  ASSERT_EQ(seen.size(), 10u);
  for (const auto& [x, count] : seen) EXPECT_NEAR(count, 400, 80) << x;
}

// Also of those whose transform takes the longer the sooner they come.
TEST(BatchesOfRows, AreTheSameByAnyNumberOfThreads) {
  const auto made = [](int threads, int64_t ahead) {
    const auto transform = [](Batch& batch, uint64_t seed) {
      std::this_thread::sleep_for(std::chrono::microseconds(500 * (3 - batch.position.batch % 4)));
      for (int32_t& x : batch.arrays.at("x").values<int32_t>()) x += static_cast<int32_t>(seed % 1000) * 1000;
    };
    Batches batches({{"x", counted(50)}}, {.size = 4,
                                           .order = Order::shuffled,
                                           .seed = 3,
                                           .transform = transform,
                                           .threads = threads,
                                           .ahead = ahead});
    std::vector<int32_t> all = epoch_of(batches);
    std::ranges::copy(epoch_of(batches), std::back_inserter(all));
    return all;
  };
  const std::vector<int32_t> expected = made(0, 1);
  EXPECT_EQ(made(1, 1), expected);
  EXPECT_EQ(made(2, 5), expected);
  EXPECT_EQ(made(5, 3), expected);
}

TEST(BatchesOfRows, GoOnFromAPosition) {
  const BatchOptions options = {.size = 3, .order = Order::shuffled, .seed = 9, .threads = 2};
  Batches batches({{"x", counted(20)}}, options);
  for (int i = 0; i < 10; ++i) batches.next();
  const BatchPosition position = batches.position();
  EXPECT_EQ(position, (BatchPosition{1, 3}));
  Batches resumed({{"x", counted(20)}}, options);
  resumed.seek(position);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(numbers(resumed.next()), numbers(batches.next()));
  EXPECT_EQ(message_of([&] {
              batches.seek({0, 7});
            }),
            "Batches: there is no batch 7 of epoch 0, of 7 in each");
}

TEST(BatchesOfRows, AreMadeWhileOthersAreUsed) {
  std::atomic<int> made = 0;
  Batches batches({{"x", counted(8)}},
                  {.size = 1, .transform = [&](Batch&, uint64_t) { ++made; }, .threads = 2, .ahead = 3});
  while (made < 3) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(made, 3);
  batches.next();
  while (made < 4) std::this_thread::yield();
}

TEST(BatchesOfRows, ThrowWhatTheirMakingThrew) {
  const auto transform = [](Batch& batch, uint64_t) {
    if (batch.position.batch == 1) throw Error("no");
  };
  for (const int threads : {0, 2}) {
    Batches batches({{"x", counted(3)}}, {.size = 1, .transform = transform, .threads = threads});
    batches.next();
    EXPECT_EQ(message_of([&] { batches.next(); }), "no");
    EXPECT_EQ(message_of([&] { batches.next(); }), "no");
    EXPECT_EQ(batches.position(), (BatchPosition{0, 1}));
  }
}

TEST(BatchesOfRows, ByLengthAreNoLongerThanTheirBucket) {
  std::vector<int64_t> ends;
  std::vector<int32_t> elements;
  for (int32_t i = 0; i < 40; ++i) {
    for (int32_t j = 0; j < 1 + i % 7; ++j) elements.push_back(i);
    ends.push_back(static_cast<int64_t>(elements.size()));
  }
  const Sequences all =
      sequences(Array::from(elements, {static_cast<int64_t>(elements.size())}), Array::from(ends, {40}));
  Batches batches(
      {{"x", all.values}, {"length", all.lengths}, {"row", counted(40)}},
      {.size = 4,
       .order = Order::shuffled,
       .seed = 5,
       .buckets = Buckets{.lengths = "length", .columns = {"x"}, .sizes = {2, 5, 9}, .dim = "t"}});
  // 12 rows of up to 2, 17 of up to 5 and 11 of up to 7.
  EXPECT_EQ(batches.per_epoch(), 3 + 5 + 3);
  std::vector<int32_t> rows;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < batches.per_epoch(); ++i) {
    const Batch batch = batches.next();
    const int64_t size = batch.dims.at("t");
    sizes.push_back(size);
    EXPECT_EQ(batch.arrays.at("x").shape(), (Shape{4, size}));
    for (int64_t row = 0; row < batch.rows; ++row) {
      const int32_t which = numbers(batch, "row")[static_cast<size_t>(row)];
      const int64_t length = 1 + which % 7;
      rows.push_back(which);
      EXPECT_EQ(size, length <= 2 ? 2 : length <= 5 ? 5 : 9);
      for (int64_t t = 0; t < size; ++t)
        EXPECT_EQ(numbers(batch)[static_cast<size_t>(row * size + t)], t < length ? which : 0);
    }
  }
  EXPECT_FALSE(std::ranges::is_sorted(sizes));
  std::ranges::sort(rows);
  std::vector<int32_t> expected(40);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(rows, expected);
}

TEST(BatchesOfRows, SayWhatDoesNotFit) {
  const auto error = [](Batches::Columns columns, BatchOptions options = {}) {
    return message_of([&] { Batches(std::move(columns), std::move(options)); });
  };
  const Rows x = counted(5), floats = Array(f32, {5}), wide = Array(i32, {5, 3});
  EXPECT_EQ(error({}), "Batches: there are no columns");
  EXPECT_EQ(error({{"x", x}, {"y", counted(4)}}), "Batches: column 'x' has 5 rows, 'y' has 4");
  EXPECT_EQ(error({{"x", x}, {"x", x}}), "Batches: two columns are called 'x'");
  EXPECT_EQ(error({{"weight", x}}), "Batches: two columns are called 'weight'");
  EXPECT_EQ(error({{"x", x}}, {.size = 0}), "Batches: size must be at least 1, got 0");
  EXPECT_EQ(error({{"x", x}}, {.size = 6, .drop_last = true}), "Batches: 5 rows make no full batch of 6");
  EXPECT_EQ(error({{"x", counted(0)}}), "Batches: 0 rows make no batch of 32");
  EXPECT_EQ(error({{"x", x}}, {.threads = -1}), "Batches: threads must not be negative, got -1");
  EXPECT_EQ(error({{"x", x}}, {.ahead = 0}), "Batches: ahead must be at least 1, got 0");
  const auto bucketed = [&](Buckets buckets) {
    return error({{"x", wide}, {"length", x}, {"f", floats}}, {.buckets = std::move(buckets)});
  };
  EXPECT_EQ(bucketed({"l", {"x"}, {8}}), "Batches: no column is called 'l', only 'x', 'length', 'f'");
  EXPECT_EQ(bucketed({"length", {"y"}, {8}}), "Batches: no column is called 'y', only 'x', 'length', 'f'");
  EXPECT_EQ(bucketed({"f", {"x"}, {8}}), "Batches: lengths are i32[], column 'f' is f32[]");
  EXPECT_EQ(bucketed({"length", {"f"}, {8}}), "Batches: column 'f' has no axis to cut");
  EXPECT_EQ(bucketed({"length", {"x"}, {8, 8}}), "Batches: sizes of buckets rise, and are at least 1");
  EXPECT_EQ(bucketed({"length", {"x"}, {2, 3}}), "Batches: row 4 is 4 long, the largest bucket 3");
}

TEST(BatchesOfRows, FeedAFunction) {
  for (const std::string device : {"cpu", "vulkan"}) {
    Program program;
    Dim batch{"batch"};
    program.add("f", {{"x", i32, {batch}}, {"weight", f32, {batch}}, {"scale", f32, {}}},
                [](const Inputs& in) -> Outputs {
                  return {{"y", sum(cast(in["x"], f32) * in["weight"]) * in["scale"]}};
                });
    program.compile({.device = device, .dims = {{batch, 4}}});
    Function function = program.function("f");
    function.input<float>("scale")[0] = 2;
    Batches batches({{"x", counted(5)}}, {.size = 4});
    std::vector<float> sums;
    for (int i = 0; i < 2; ++i) {
      batches.next().feed(function, {"scale"});
      function.run();
      sums.push_back(function.value<float>("y"));
    }
    EXPECT_THAT(sums, ElementsAre(12, 8)) << device;
    EXPECT_EQ(message_of([&] { batches.next().feed(function); }),
              "a batch has no 'scale', only 'weight', 'x'");
  }
}

}  // namespace
}  // namespace sinter
