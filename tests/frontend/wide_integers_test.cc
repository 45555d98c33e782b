#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <limits>

#include "backends/registry/registry.h"
#include "ir/graph/text/text.h"

// Integers of 64 bits that no double holds, from the source to every device.
namespace sinter {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kOdd = (int64_t{1} << 53) + 1;

class WideIntegers : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!backends::open_device(GetParam())->target().has_i64) GTEST_SKIP() << "the device has no i64";
  }
  // y of a function of x, an i64.
  static std::vector<int64_t> evaluate(const std::vector<int64_t>& x,
                                       const std::function<Tensor(Tensor)>& body) {
    Program program;
    const auto extent = static_cast<int64_t>(x.size());
    program.add("f", {{"x", i64, {extent}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", body(in["x"])}};
    });
    program.compile({.device = GetParam(), .threads = 1});
    const Arrays out = program.run("f", {{"x", Array::from<int64_t>(x, {extent})}});
    const auto y = out.at("y").values<int64_t>();
    return {y.begin(), y.end()};
  }
};

TEST_P(WideIntegers, AreConstants) {
  const std::vector<int64_t> all = {kOdd, -kOdd, kMost, kLeast, kMost - 1};
  const std::vector<int64_t> zeros(all.size(), 0);
  EXPECT_THAT(evaluate(zeros, [&](Tensor x) { return x + constant(Array::from<int64_t>(all, {5})); }),
              ElementsAreArray(all));
  for (const int64_t one : all) {
    EXPECT_THAT(evaluate({0, 1}, [&](Tensor x) { return full({2}, one, i64) + x * 0; }),
                ElementsAre(one, one));
    EXPECT_THAT(evaluate({0, 0}, [&](Tensor x) { return x + one; }), ElementsAre(one, one));
    EXPECT_THAT(evaluate({one, one ^ 1}, [&](Tensor x) { return cast(x == one, i64); }), ElementsAre(1, 0));
  }
}

TEST_P(WideIntegers, AreFoldedExactly) {
  EXPECT_THAT(evaluate({0}, [](Tensor x) { return x + full({1}, kOdd, i64) * full({1}, 3, i64); }),
              ElementsAre(3 * kOdd));
  EXPECT_THAT(evaluate({0}, [](Tensor x) { return x + (full({1}, kMost, i64) - 1); }),
              ElementsAre(kMost - 1));
  EXPECT_THAT(evaluate({1}, [](Tensor x) { return (x + kMost) + 1; }), ElementsAre(kLeast + 1));
}

TEST_P(WideIntegers, Pad) {
  EXPECT_THAT(evaluate({7}, [](Tensor x) { return pad(x, {1}, {2}, kOdd); }),
              ElementsAre(kOdd, 7, kOdd, kOdd));
  EXPECT_THAT(evaluate({7}, [](Tensor x) { return pad(x, {0}, {1}, kLeast) + 1; }),
              ElementsAre(8, kLeast + 1));
  // All of it padding, and a part of it.
  EXPECT_THAT(
      evaluate({7},
               [](Tensor x) { return slice(pad(full({1}, kMost, i64), {0}, {1}, kMost), 0, 0, 1) + x * 0; }),
      ElementsAre(kMost));
}

// Starts move into range as they are, not as what 32 bits leave of them.
TEST_P(WideIntegers, StartSlices) {
  const auto slices = [](Tensor start) {
    const Tensor at = reshape(start, {});
    const Tensor table = arange(9, i64);
    return concat({dynamic_slice(table, {at}, {3}), dynamic_update(table, full({2}, 70, i64), {at})}, 0);
  };
  const auto expected = [](int64_t begin, int64_t update) {
    std::vector<int64_t> all = {begin, begin + 1, begin + 2, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    for (const int64_t i : {0, 1}) all[static_cast<size_t>(3 + update + i)] = 70;
    return all;
  };
  for (const int64_t far : {int64_t{1} << 31, (int64_t{1} << 32) + 3, int64_t{1} << 62, kMost}) {
    EXPECT_EQ(evaluate({far}, slices), expected(6, 7));
    EXPECT_EQ(evaluate({-far}, slices), expected(0, 0));
  }
  EXPECT_EQ(evaluate({kLeast}, slices), expected(0, 0));
  EXPECT_EQ(evaluate({4}, slices), expected(4, 4));
}

INSTANTIATE_TEST_SUITE_P(Devices, WideIntegers, ::testing::Values("reference", "cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

TEST(WideIntegersText, ReadsBack) {
  const std::string text =
      "func @f(%x: i64[2]) {\n"
      "  %0: i64[2] = constant {dtype=i64, shape=[2], values=[9007199254740993,-9223372036854775808]}\n"
      "  %1: i64[] = constant {dtype=i64, shape=[], value=9223372036854775807}\n"
      "  %2: i64[2] = broadcast %1 {dims=[], shape=[2]}\n"
      "  %3: i64[4] = pad %0 {high=[1], interior=[0], low=[1], value=-9007199254740993}\n"
      "  return %2, %3\n"
      "}\n";
  EXPECT_EQ(graph::print(graph::parse(text)), text);
}

TEST(WideIntegersText, RefusesWhatDoesNotFit) {
  const auto message = [](const std::function<Tensor()>& make) -> std::string {
    Program program;
    program.add("f", {}, [&](const Inputs&) -> Outputs { return {{"y", make()}}; });
    try {
      program.compile({.device = "reference"});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message([] { return full({2}, int64_t{1} << 31, i32); }),
              testing::HasSubstr("full: the number 2147483648 does not fit a tensor of i32"));
  EXPECT_THAT(message([] { return pad(full({2}, 0, i64), {1}, {1}, 1e30); }),
              testing::HasSubstr("pad: the number 1e+30 does not fit a tensor of i64"));
}

}  // namespace
}  // namespace sinter
