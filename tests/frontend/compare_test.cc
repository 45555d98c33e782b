#include "frontend/compile/compare.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"

namespace sinter {
namespace {

using runtime::HostTensor;

HostTensor drawn(runtime::Shape shape, double low, std::mt19937& random) {
  HostTensor tensor(runtime::DType::f32, std::move(shape));
  std::uniform_real_distribution<float> number(static_cast<float>(low), 2);
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = number(random);
  return tensor;
}

// What `made`, compiled, is found to do wrong by someone who expects `meant`.
std::string difference(const std::string& device_name, const std::string& meant, const std::string& made,
                       const std::vector<HostTensor>& inputs) {
  const graph::Module module = graph::parse(meant), other = graph::parse(made);
  const auto device = backends::open_device(device_name, 2);
  const auto executable = compile_function(other, "f", *device, {});
  return difference_from_reference(module, *module.find_function("f"), *device, *executable, inputs);
}

// A product of which the terms from `from` up to `to` are left out.
std::string product(int64_t from, int64_t to) {
  return fmt::format(R"(func @f(%a: f32[3,65536], %b: f32[65536,4]) {{
  %0: i32[3,65536] = iota {{axis=1, dtype=i32, shape=[3,65536]}}
  %1: i32[3,65536] = constant {{dtype=i32, shape=[3,65536], value={}}}
  %2: i32[3,65536] = constant {{dtype=i32, shape=[3,65536], value={}}}
  %3: bool[3,65536] = less %0, %1
  %4: bool[3,65536] = greater_equal %0, %2
  %5: bool[3,65536] = logical_or %3, %4
  %6: f32[3,65536] = constant {{dtype=f32, shape=[3,65536], value=0.0}}
  %7: f32[3,65536] = select %5, %a, %6
  %8: f32[3,4] = contract %7, %b {{dims="ik,kj->ij"}}
  return %8
}})",
                     from, to);
}

TEST(Compare, OneTermOfManyIsMissed) {
  const std::string meant = product(0, 0);
  std::mt19937 random(1);
  for (const double low : {-2.0, 0.25}) {
    SCOPED_TRACE(low);
    const std::vector<HostTensor> inputs = {drawn({3, 65536}, low, random), drawn({65536, 4}, low, random)};
    EXPECT_EQ(difference("cpu", meant, product(0, 0), inputs), "");
    EXPECT_NE(difference("cpu", meant, product(32000, 32016), inputs), "");
    if (low < 0) {
      EXPECT_NE(difference("cpu", meant, product(40001, 40002), inputs), "");
    }
  }
}

// Each element is held to its own size, not to that of the largest in the call.
TEST(Compare, SmallElementsBesideLargeOnes) {
  const auto scaled = [](double by) {
    return fmt::format(R"(func @f(%a: f32[2,8], %b: f32[8,8]) {{
  %0: f32[2,1] = constant {{dtype=f32, shape=[2,1], values=[1e+12, {}]}}
  %1: f32[2,8] = broadcast %0 {{dims=[0,1], shape=[2,8]}}
  %2: f32[2,8] = mul %a, %1
  %3: f32[2,8] = contract %2, %b {{dims="ik,kj->ij"}}
  return %3
}})",
                       by);
  };
  std::mt19937 random(1);
  const std::vector<HostTensor> inputs = {drawn({2, 8}, -2, random), drawn({8, 8}, -2, random)};
  EXPECT_EQ(difference("cpu", scaled(1.0e-12), scaled(1.0e-12), inputs), "");
  EXPECT_NE(difference("cpu", scaled(1.0e-12), scaled(1.00001e-12), inputs), "");
}

// What is only moved is compared to the bit.
TEST(Compare, MovesAreExact) {
  const std::string meant = R"(func @f(%a: f32[4,8]) {
  %0: f32[8,4] = transpose %a {permutation=[1,0]}
  %1: f32[8,4] = reverse %0 {axes=[0]}
  return %1
})";
  const std::string made = R"(func @f(%a: f32[4,8]) {
  %0: f32[8,4] = transpose %a {permutation=[1,0]}
  %1: f32[8,4] = reverse %0 {axes=[0]}
  %2: f32[8,4] = constant {dtype=f32, shape=[8,4], value=1.0000001192092896}
  %3: f32[8,4] = mul %1, %2
  return %3
})";
  std::mt19937 random(1);
  const std::vector<HostTensor> inputs = {drawn({4, 8}, -2, random)};
  EXPECT_EQ(difference("cpu", meant, meant, inputs), "");
  EXPECT_NE(difference("cpu", meant, made, inputs), "");
}

// A comparison of what is equal but for rounding may come out either way, one of given numbers may not.
TEST(Compare, ComparisonsThatHangOnRounding) {
  const auto compared = [](const char* op, bool computed) {
    return fmt::format(R"(func @f(%a: f32[64]) {{
  %0: f32[64] = exp %a
  %1: f32[64] = log %0
  %2: bool[64] = {} {}, %a
  return %2
}})",
                       op, computed ? "%1" : "%a");
  };
  std::mt19937 random(1);
  const std::vector<HostTensor> inputs = {drawn({64}, -2, random)};
  EXPECT_EQ(difference("cpu", compared("less", true), compared("greater", true), inputs), "");
  EXPECT_NE(difference("cpu", compared("less", false), compared("less_equal", false), inputs), "");
}

// Large terms cancel, and where nothing is left but what rounding made, all that is made of it is as far off.
TEST(Compare, WhatRoundingHasLeftNothingOf) {
  const graph::Module module = graph::parse(R"(func @f(%a: f32[32,128], %b: f32[128,32]) {
  %0: f32[32,32] = contract %a, %b {dims="ik,kj->ij"}
  %1: f32[32,32] = constant {dtype=f32, shape=[32,32], value=0.0}
  %2: bool[32,32] = less_equal %0, %1
  %3: f32[32,32] = select %2, %1, %0
  %4: f32[32,32] = mul %0, %0
  %5: f32[32,32] = div %1, %0
  return %3, %4, %5
})");
  const auto device = backends::open_device("cpu", 2);
  const auto executable = compile_function(module, "f", *device, {});
  EXPECT_EQ(difference_on_random_inputs(module, *module.find_function("f"), *device, *executable), "");
}

}  // namespace
}  // namespace sinter
