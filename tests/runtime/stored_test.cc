#include "runtime/stored.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace sinter::runtime {
namespace {

float of_f16(uint16_t bits) {
  float value = 0;
  widen(DType::f16, &bits, 1, &value);
  return value;
}

TEST(Stored, WidensEveryHalf) {
  EXPECT_EQ(of_f16(0x3c00), 1.f);
  EXPECT_EQ(of_f16(0xc000), -2.f);
  EXPECT_EQ(of_f16(0x7bff), 65504.f);
  EXPECT_EQ(of_f16(0x0001), 0x1p-24f);
  EXPECT_EQ(of_f16(0x83ff), -1023 * 0x1p-24f);
  EXPECT_EQ(of_f16(0x0400), 0x1p-14f);
  EXPECT_EQ(std::bit_cast<uint32_t>(of_f16(0x8000)), 0x80000000u);
  EXPECT_EQ(of_f16(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(of_f16(0x7e00)));
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {  // (-1)^0 * 2^(e-15) * 1.f, or 2^-14 * 0.f
    const int exponent = static_cast<int>(bits >> 10);
    const float fraction = static_cast<float>(bits & 0x3ff) / 1024.f + (exponent == 0 ? 0.f : 1.f);
    EXPECT_EQ(of_f16(static_cast<uint16_t>(bits)), std::ldexp(fraction, std::max(exponent, 1) - 15));
  }
}

TEST(Stored, WidensBrainFloats) {
  const std::array<uint16_t, 3> bits = {0x3f80, 0xc040, 0x0001};
  std::array<float, 3> values = {};
  widen(DType::bf16, bits.data(), bits.size(), values.data());
  EXPECT_THAT(values, testing::ElementsAre(1.f, -3.f, 0x1p-133f));
}

TEST(Stored, TypesOfTensorsComeFirstAndHoldThemselves) {
  for (const DType type :
       {DType::f16, DType::bf16, DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean}) {
    EXPECT_EQ(held_as(stored(type)), type);
    EXPECT_EQ(name(stored(type)), name(type));
    EXPECT_EQ(size_in_bytes(stored(type)), size_in_bytes(type));
  }
}

}  // namespace
}  // namespace sinter::runtime
