#include "passes/expand_math/random.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/random.h"
#include "tests/math/run_words.h"

namespace sinter::math_test {
namespace {

using loop::Expr;
using loop::Type;
using passes::RandomWords;

constexpr size_t kCount = 100003;
constexpr uint64_t kSeed = 0xfedcba9876543210;
constexpr uint32_t kStep = 4000000007;
constexpr uint32_t kKey = 2882343476;

Words zeros() {
  return {std::vector<uint32_t>(kCount), std::vector<uint32_t>(kCount)};
}

// Values made of the random words of elements base, base + 1 ... of a tensor.
struct Case {
  uint32_t salt = 0;
  int64_t base = 0;

  template <typename T>
  std::vector<T> run(Type type, const std::function<Expr(const RandomWords& words)>& value) const {
    const auto build = [&](const Element& element) {
      const Expr salt_of_loop = salt ? loop::integer(salt, Type::i32) : nullptr;
      const passes::RandomStream stream = passes::random_stream(kKey, salt_of_loop);
      return value(random_words(stream, element.index + base, base + static_cast<int64_t>(kCount)));
    };
    return math_test::run<T>(build, type, zeros(), {kSeed, kStep});
  }

  runtime::RandomBits bits(size_t i) const {
    return runtime::random_bits({kSeed, kStep, kKey, salt}, static_cast<uint64_t>(base) + i);
  }
};

class RandomTest : public testing::TestWithParam<Case> {};

TEST_P(RandomTest, HasTheBitsOfTheRuntime) {
  const auto first =
      GetParam().run<uint32_t>(Type::i32, [](const RandomWords& words) { return words.first; });
  const auto second =
      GetParam().run<uint32_t>(Type::i32, [](const RandomWords& words) { return words.second; });
  for (size_t i = 0; i < kCount; ++i) {
    const runtime::RandomBits bits = GetParam().bits(i);
    ASSERT_EQ(first[i], bits.first) << i;
    ASSERT_EQ(second[i], bits.second) << i;
  }
}

TEST_P(RandomTest, HasTheUniformNumbersOfTheRuntime) {
  const auto single = GetParam().run<float>(Type::f32, passes::uniform_f32);
  const auto twice = GetParam().run<double>(Type::f64, passes::uniform_f64);
  for (size_t i = 0; i < kCount; ++i) {
    const runtime::RandomBits bits = GetParam().bits(i);
    ASSERT_EQ(single[i], runtime::uniform_f32(bits)) << i;
    ASSERT_EQ(twice[i], runtime::uniform_f64(bits)) << i;
  }
}

TEST_P(RandomTest, HasTheNormalNumbersOfTheRuntime) {
  for (const bool has_fma : {true, false}) {
    const auto single = GetParam().run<float>(
        Type::f32, [&](const RandomWords& words) { return normal_f32(words, {.has_fma = has_fma}); });
    for (size_t i = 0; i < kCount; ++i) {
      const float expected = runtime::normal_f32(GetParam().bits(i));
      ASSERT_NEAR(single[i], expected, std::fabs(expected) * 0x1p-21 + 0x1p-50) << i;
    }
  }
  const auto twice = GetParam().run<double>(Type::f64, passes::normal_f64);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_DOUBLE_EQ(twice[i], runtime::normal_f64(GetParam().bits(i))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, RandomTest,
                         testing::Values(Case{}, Case{.salt = 4294967295},
                                         Case{.salt = 17, .base = (int64_t{1} << 32) - 50000},
                                         Case{.base = (int64_t{7} << 40) - 50000}));

}  // namespace
}  // namespace sinter::math_test
