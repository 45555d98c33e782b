// Values worked out by hand where devices have a way of going wrong: with nothing to reduce, with very much,
// at infinities and NaN.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "ir/graph/text/text.h"
#include "tests/support/lacks.h"
#include "tests/support/run_on.h"

namespace sinter {
namespace {

using runtime::HostTensor;
using testing::Each;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
HostTensor tensor(const std::vector<T>& values) {
  return HostTensor::from<T>(values, {static_cast<int64_t>(values.size())});
}

template <typename T>
std::vector<T> values(const HostTensor& tensor) {
  return {tensor.values<T>().begin(), tensor.values<T>().end()};
}

// Calls check(outputs) with what each device gives, with and without fusion.
void on_every_device(const std::string& text, const std::vector<HostTensor>& inputs,
                     const std::function<void(const std::vector<HostTensor>&)>& check) {
  const graph::Module module = graph::parse(text);
  for (const char* device : {"reference", "cpu", "vulkan"}) {
    if (const std::string lacking = test::lacks(device, module); !lacking.empty()) GTEST_SKIP() << lacking;
    for (const bool fuse : {true, false}) {
      SCOPED_TRACE(fmt::format("{}, fuse {}", device, fuse));
      check(test::run_on(device, module, "f", inputs, {.fuse = fuse}));
    }
  }
}

// softplus(x) - t x and its gradient, s(x) - t, as a user would spell them: right in the limit, whatever the
// device, fused or not.
TEST(Values, SigmoidLossOfInfiniteLogits) {
  on_every_device(
      R"(func @f(%x: f32[4], %t: f32[4]) {
  %0: f32[4] = softplus %x
  %1: f32[4] = mul %t, %x
  %2: f32[4] = sub %0, %1
  %3: f32[] = reduce_sum %2 {axes=[0]}
  %4: f32[4] = grad %3, %x
  return %2, %4
})",
      {tensor<float>({kInfinity, -kInfinity, kInfinity, -kInfinity}), tensor<float>({1, 0, 0, 1})},
      [](const std::vector<HostTensor>& out) {
        EXPECT_THAT(values<float>(out[0]), ElementsAre(0, 0, kInfinity, kInfinity));
        EXPECT_THAT(values<float>(out[1]), ElementsAre(0, 0, 1, -1));
      });
}

TEST(Values, ExtremesOfNothing) {
  on_every_device(R"(func @f(%a: bool[2,0], %b: i32[0,2], %c: f32[2,0]) {
  %0: bool[2] = reduce_max %a {axes=[1]}
  %1: bool[2] = reduce_min %a {axes=[1]}
  %2: i32[2] = reduce_max %b {axes=[0]}
  %3: f32[2] = reduce_min %c {axes=[1]}
  return %0, %1, %2, %3
})",
                  {HostTensor(runtime::DType::boolean, {2, 0}), HostTensor(runtime::DType::i32, {0, 2}),
                   HostTensor(runtime::DType::f32, {2, 0})},
                  [](const std::vector<HostTensor>& out) {
                    EXPECT_THAT(values<bool>(out[0]), ElementsAre(false, false));
                    EXPECT_THAT(values<bool>(out[1]), ElementsAre(true, true));
                    EXPECT_THAT(values<int32_t>(out[2]), Each(std::numeric_limits<int32_t>::min()));
                    EXPECT_THAT(values<float>(out[3]), Each(kInfinity));
                  });
  on_every_device(R"(func @f(%a: i64[0,2]) {
  %0: i64[2] = reduce_max %a {axes=[0]}
  return %0
})",
                  {HostTensor(runtime::DType::i64, {0, 2})}, [](const std::vector<HostTensor>& out) {
                    EXPECT_THAT(values<int64_t>(out[0]), Each(std::numeric_limits<int64_t>::min()));
                  });
}

// The derivative of x^0 is 0 and that of x^1 is 1, whatever x is, also where the exponent is known when
// running alone.
TEST(Values, GradientOfPowersOfInfinities) {
  on_every_device(R"(func @f(%x: f32[8], %e: f32[8]) {
  %0: f32[8] = pow %x, %e
  %1: f32[] = reduce_sum %0 {axes=[0]}
  %2: f32[8] = grad %1, %x
  return %2
})",
                  {tensor<float>({kInfinity, -kInfinity, kNan, 2, 0, kInfinity, 0, kInfinity}),
                   tensor<float>({0, 0, 0, 0, 0, 1, 1, -1})},
                  [](const std::vector<HostTensor>& out) {
                    EXPECT_THAT(values<float>(out[0]), ElementsAre(0, 0, 0, 0, 0, 1, 1, 0));
                  });
}

TEST(Values, IntegersKeepSixtyFourBits) {
  on_every_device(R"(func @f(%a: i64[3]) {
  %k: i64[3] = constant {dtype=i64, shape=[3], value=4000000007}
  %0: i64[3] = mul %a, %k
  %1: i64[] = reduce_sum %0 {axes=[0]}
  %2: i64[] = contract %0, %a {dims="i,i->"}
  %3: i64[3] = cumsum %0 {axis=0, reverse=true}
  %4: i64[] = reduce_max %0 {axes=[0]}
  return %0, %1, %2, %3, %4
})",
                  {tensor<int64_t>({3, -5, 1000000007})}, [](const std::vector<HostTensor>& out) {
                    EXPECT_THAT(values<int64_t>(out[0]),
                                ElementsAre(12000000021, -20000000035, 4000000035000000049));
                    EXPECT_THAT(values<int64_t>(out[1]), ElementsAre(4000000027000000035));
                    // 12000000021 * 3 + 20000000035 * 5 + 4000000035000000049 * 1000000007, modulo 2^64
                    EXPECT_THAT(values<int64_t>(out[2]), ElementsAre(INT64_C(-1617083027197047227)));
                    EXPECT_THAT(values<int64_t>(out[3]),
                                ElementsAre(4000000027000000035, 4000000015000000014, 4000000035000000049));
                    EXPECT_THAT(values<int64_t>(out[4]), ElementsAre(4000000035000000049));
                  });
}

// More ones than f32 can count one by one, in sums down columns and along rows, on the CPU.
TEST(Values, SumsOfMoreThanF32Counts) {
  const graph::Module module = graph::parse(R"(func @f() {
  %0: f32[17000000,2] = constant {dtype=f32, shape=[17000000,2], value=1.0}
  %i: i32[17000000,2] = iota {axis=0, dtype=i32, shape=[17000000,2]}
  %z: i32[17000000,2] = constant {dtype=i32, shape=[17000000,2], value=0}
  %t: bool[17000000,2] = greater_equal %i, %z
  %x: f32[17000000,2] = cast %t {dtype=f32}
  %1: f32[2] = reduce_sum %x {axes=[0]}
  %2: f32[2] = mean %x {axes=[0]}
  %y: f32[2,17000000] = transpose %x {permutation=[1,0]}
  %3: f32[2] = reduce_sum %y {axes=[1]}
  %4: f32[17000000,2] = cumsum %x {axis=0, reverse=false}
  %5: f32[1,2] = slice %4 {limit=[17000000,2], start=[16999999,0], stride=[1,1]}
  return %1, %2, %3, %5
})");
  const auto out = test::run_on("cpu", module, "f", {});
  EXPECT_THAT(values<float>(out[0]), Each(17000000));
  EXPECT_THAT(values<float>(out[1]), Each(1));
  EXPECT_THAT(values<float>(out[2]), Each(17000000));
  EXPECT_THAT(values<float>(out[3]), Each(17000000));
}

}  // namespace
}  // namespace sinter
