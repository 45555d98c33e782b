#include "runtime/random.h"

#include <gtest/gtest.h>

namespace sinter::runtime {
namespace {

void expect_bits(RandomBits bits, uint32_t first, uint32_t second) {
  EXPECT_EQ(bits.first, first);
  EXPECT_EQ(bits.second, second);
}

// The known answers that come with the authors' Random123 library (kat_vectors), which this agrees with:
//   for i in range(10):
//     hi, lo = divmod(0xD256D193 * c0, 2**32); c0, c1 = hi ^ k ^ c1, lo; k = (k + 0x9E3779B9) % 2**32
TEST(Random, PhiloxGivesTheKnownAnswers) {
  expect_bits(philox2x32(0, 0, 0), 0xff1dae59, 0x6cd10df2);
  expect_bits(philox2x32(0xffffffff, 0xffffffff, 0xffffffff), 0x2c3f628b, 0xab4fd7ad);
  expect_bits(philox2x32(0x243f6a88, 0x85a308d3, 0x13198a2e), 0xdd7ce038, 0xf62a4c12);
}

// x ^= x >> 16; x = x * 0x85ebca6b % 2**32; x ^= x >> 13; x = x * 0xc2b2ae35 % 2**32; x ^= x >> 16
TEST(Random, MixIsTheFinaliserOfMurmurHash3) {
  EXPECT_EQ(mix32(0), 0u);
  EXPECT_EQ(mix32(1), 0x514e28b7u);
  EXPECT_EQ(mix32(0xdeadbeef), 0x0de5c6a9u);
  EXPECT_EQ(mix32(0xffffffff), 0x81f16f39u);
}

// philox(e % 2**32, mix(step ^ mix(salt ^ mix(e >> 32))), mix(seed % 2**32 ^ mix((seed >> 32) ^ mix(key))))
TEST(Random, BitsDependOnAllOfTheStream) {
  expect_bits(random_bits({}, 0), 0xff1dae59, 0x6cd10df2);
  expect_bits(random_bits({1, 2, 3, 4}, 5), 0x1f47f2e8, 0xd9695500);
  expect_bits(random_bits({0x123456789abcdef0, 7, 0x73687566, 9}, 0x500000003), 0x609f7528, 0xde504ebc);
  expect_bits(random_bits({}, 0xffffffff), 0x7443223e, 0xf6d3765d);
  expect_bits(random_bits({}, 0x100000000), 0x59f0177e, 0xdc57f6e2);
}

// (first >> 8) * 2**-24 and ((first >> 5) * 2**26 + (second >> 6)) * 2**-53
TEST(Random, UniformNumbersAreExact) {
  EXPECT_EQ(uniform_f32(random_bits({1, 2, 3, 4}, 5)), 0.12219154834747314f);
  EXPECT_EQ(uniform_f64(random_bits({1, 2, 3, 4}, 5)), 0.1221916068290434);
  EXPECT_EQ(uniform_f32({0, 0}), 0.0f);
  EXPECT_EQ(uniform_f32({0xffffffff, 0xffffffff}), 0x1.fffffep-1f);
  EXPECT_EQ(uniform_f64({0xffffffff, 0xffffffff}), 0x1.fffffffffffffp-1);
}

// sqrt(-2 * log(((first >> 8) + 1) * 2**-24)) * cos(2 * pi * (second >> 8) * 2**-24)
TEST(Random, NormalNumbers) {
  EXPECT_NEAR(normal_f64(random_bits({}, 0)), -0.07412753379927474, 1e-15);
  EXPECT_NEAR(normal_f64(random_bits({1, 2, 3, 4}, 5)), 1.1975326573308105, 1e-15);
  EXPECT_FLOAT_EQ(normal_f32(random_bits({1, 2, 3, 4}, 5)), 1.1975326573308105f);
  EXPECT_TRUE(normal_f64({0, 0}) < 6 && normal_f64({0, 0}) > 5.7);  // the largest there is: sqrt(48 ln 2)
}

TEST(Random, MomentsOfManyNumbers) {
  constexpr int kCount = 100'000;
  double uniform = 0, normal = 0, normal_squared = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const RandomBits bits = random_bits({42, 1, 2}, i);
    uniform += uniform_f64(bits) / kCount;
    normal += normal_f64(bits) / kCount;
    normal_squared += normal_f64(bits) * normal_f64(bits) / kCount;
  }
  EXPECT_NEAR(uniform, 0.5, 0.005);
  EXPECT_NEAR(normal, 0, 0.015);
  EXPECT_NEAR(normal_squared, 1, 0.03);
}

}  // namespace
}  // namespace sinter::runtime
