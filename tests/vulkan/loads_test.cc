#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "tests/vulkan/harness.h"

// How kernels reach their tensors where the device computes on a processor: whichever way, what they compute
// is the same to the bit.
namespace sinter::vulkan::test {
namespace {

using testing::HasSubstr;
using testing::Not;

using Lessen = std::function<void(GpuAbilities&)>;

void without_shuffles(GpuAbilities& abilities) {
  abilities.subgroup_shuffle = false;
}
void without_texel_buffers(GpuAbilities& abilities) {
  abilities.limits.maxTexelBufferElements = 65536;
}

std::string glsl(const std::string& text, const Lessen& lessen) {
  return function_text(graph::parse(text, "test.sg"), "f", *on_vulkan_as(lessen), "glsl");
}

void expect_same_bits(const std::string& text, const Lessen& lessen) {
  Compiled cpu(text, on_cpu()), all(text, on_vulkan()), less(text, on_vulkan_as(lessen));
  for (int step = 0; step < 2; ++step) {
    cpu.run();
    all.run();
    less.run();
    EXPECT_EQ(all.output_bytes(), less.output_bytes());
    for (size_t i = 0; i < cpu.outputs().size(); ++i) expect_close(all.outputs()[i], cpu.outputs()[i], 1e-5);
  }
}

class VulkanLoads : public testing::Test {
 protected:
  void SetUp() override {
    if (!watched_gpu()->abilities().is_processor) GTEST_SKIP() << "for devices that compute on a processor";
  }
};

// Rows that all lanes read alike: in whole runs of a subgroup, in a shorter one, of one matrix in a batch,
// and after an elementwise op.
TEST_F(VulkanLoads, LanesLoadForOneAnother) {
  const std::string text = R"(func @f(%x: f32[37,40], %w: f32[40,64], %y: f32[3,21,40], %v: f32[3,40,64]) {
  %0: f32[37,64] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[3,21,64] = contract %y, %v {dims="bik,bkj->bij"}
  %2: f32[64,64] = contract %0, %0 {dims="ki,kj->ij"}
  return %1, %2
})";
  EXPECT_THAT(glsl(text, [](GpuAbilities&) {}), HasSubstr("subgroupShuffle("));
  EXPECT_THAT(glsl(text, without_shuffles), Not(HasSubstr("subgroupShuffle(")));
  expect_same_bits(text, without_shuffles);
}

// Where lanes take different ways, or as many steps as a row has, none loads for another.
TEST_F(VulkanLoads, LanesThatGoTheirOwnWaysLoadForThemselves) {
  const std::string text = R"(func @f(%q: f32[1,2,11,8], %k: f32[1,2,19,8], %v: f32[1,2,19,8]) {
  %0: f32[1,2,11,8] = attention %q, %k, %v {bias=false, causal=true, lengths=false, mask=false, scale=0.35}
  return %0
})";
  EXPECT_THAT(glsl(text, [](GpuAbilities&) {}), Not(HasSubstr("subgroupShuffle(")));
  expect_same_bits(text, without_shuffles);
}

// By four and one by one, floats and integers, with rests, and state in place.
TEST_F(VulkanLoads, TexelBuffersShowTheSameTensors) {
  const std::string text = R"(state @s: f32[6,8]
state @t: f32[7]

func @f(%x: f32[6,8], %y: f32[7], %i: i32[7], %w: f32[8,5]) {
  %0: f32[6,8] = read {state="s"}
  %1: f32[6,8] = add %0, %x
  write %1 {state="s"}
  %2: f32[7] = read {state="t"}
  %3: f32[7,8] = gather %1, %i {axis=0}
  %4: f32[7] = reduce_sum %3 {axes=[1]}
  %5: f32[7] = add %2, %4
  %6: f32[7] = mul %5, %y
  write %6 {state="t"}
  %7: f32[6,5] = contract %1, %w {dims="ik,kj->ij"}
  %8: f32[6,5] = softmax %7 {axis=1}
  %9: f32[5,6] = transpose %8 {permutation=[1,0]}
  %10: f32[6,8] = scatter_add %x, %i, %3 {axis=0}
  %11: i32[7] = add %i, %i
  return %4, %6, %9, %10, %11
})";
  const VkPhysicalDeviceLimits& limits = watched_gpu()->limits();
  if (watched_gpu()->abilities().is_processor &&
      limits.maxTexelBufferElements < limits.maxStorageBufferRange / 4) {
    GTEST_SKIP() << "the device has no texel buffers as large as its tensors";
  }
  EXPECT_THAT(glsl(text, [](GpuAbilities&) {}), HasSubstr("imageLoad("));
  EXPECT_THAT(glsl(text, [](GpuAbilities&) {}), HasSubstr("imageStore("));
  EXPECT_THAT(glsl(text, without_texel_buffers), Not(HasSubstr("imageLoad(")));
  expect_same_bits(text, without_texel_buffers);
}

}  // namespace
}  // namespace sinter::vulkan::test
