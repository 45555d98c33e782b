#include <gtest/gtest.h>

#include "tests/vulkan/harness.h"

// Kernels whose workgroups share memory, on devices with other limits than this one's.
namespace sinter::vulkan::test {
namespace {

void expect_same_as(const std::string& text, std::function<void(GpuAbilities&)> lessen) {
  expect_same_as_cpu(text, 1e-5, on_vulkan_as(std::move(lessen)));
}

// As on a GPU, whose shared memory is faster than the rest.
TEST(VulkanSchedules, ContractionsStageTheirOperands) {
  expect_same_as(R"(func @f(%x: f32[70,33], %w: f32[33,50], %v: f32[20,33]) {
  %0: f32[70,50] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[70,50] = tanh %0
  %2: f32[70,20] = contract %x, %v {dims="ik,jk->ij"}
  return %1, %2
})",
                 [](GpuAbilities& abilities) { abilities.is_processor = false; });
}

TEST(VulkanSchedules, LongRowsAreReducedTogether) {
  const std::string text = R"(func @f(%x: f32[3,1500]) {
  %0: f32[3,1500] = softmax %x {axis=1}
  %1: f32[3] = reduce_max %x {axes=[1]}
  return %0, %1
})";
  expect_same_as(text, [](GpuAbilities&) {});
  expect_same_as(text, [](GpuAbilities& abilities) {
    abilities.is_processor = false;
    abilities.limits.maxComputeWorkGroupInvocations = 16;
  });
}

TEST(VulkanSchedules, AttentionFitsSmallWorkgroups) {
  expect_same_as(R"(func @f(%q: f32[2,2,35,20], %k: f32[2,2,40,20], %v: f32[2,2,40,12]) {
  %0: f32[2,2,35,12] = attention %q, %k, %v {bias=false, causal=true, lengths=false, mask=false, scale=0.35}
  %1: f32[2,2,35,12] = mul %0, %0
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[2,2,35,20], %4: f32[2,2,40,20], %5: f32[2,2,40,12] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
})",
                 [](GpuAbilities& abilities) {
                   abilities.limits.maxComputeSharedMemorySize = 12 << 10;
                   abilities.limits.maxComputeWorkGroupInvocations = 32;
                   abilities.subgroup_size = 1;
                   abilities.subgroup_arithmetic = false;
                 });
}

}  // namespace
}  // namespace sinter::vulkan::test
