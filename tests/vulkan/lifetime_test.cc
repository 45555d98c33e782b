#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backends/registry/registry.h"
#include "backends/vulkan/vulkan.h"
#include "runtime/error.h"
#include "tests/support/message_of.h"
#include "tests/threads/together.h"
#include "tests/vulkan/harness.h"
#include "tests/vulkan/replaced.h"

// One instance and one logical device for all programs of a process, which leave nothing behind on it.
namespace sinter::vulkan::test {
namespace {

// Has constants, state, random numbers, checks, and on lavapipe views of texels.
constexpr const char* kProgram = R"(state @w: f32[6,3]

func @f(%x: f32[4,6], %ids: i32[4]) {
  %0: f32[6,3] = read {state="w"}
  %1: f32[4,3] = contract %x, %0 {dims="ik,kj->ij"}
  %2: f32[2,3] = constant {dtype=f32, shape=[2,3], values=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
  %3: f32[4,3] = gather %2, %ids {axis=0}
  %4: f32[4,3] = add %1, %3
  %5: f32[4,3] = dropout %4 {key=3, rate=0.5}
  %6: f32[6,3] = contract %x, %5 {dims="ki,kj->ij"}
  write %6 {state="w"}
  return %5
}
)";

void run_once(std::unique_ptr<backends::Device> device) {
  Compiled program(kProgram, std::move(device));
  for (int32_t& id : elements<int32_t>(program.input(1))) id = 1;
  runtime::Profile profile;
  program.run(0);
  program.run(1, &profile);
  program.state().get("w");
}

// Of one kind of object of the driver, how many there are; the making of one can be let fail.
std::atomic<int> live = 0, makings = 0, fails_at = 0;

template <auto& create, auto& destroy>
struct Counted {
  Replaced<create> making{[](auto... arguments) -> VkResult {
    if (++makings == fails_at) return VK_ERROR_OUT_OF_HOST_MEMORY;
    const VkResult result = Replaced<create>::real(arguments...);
    live += result == VK_SUCCESS ? 1 : 0;
    return result;
  }};
  Replaced<destroy> ending{[](VkDevice device, auto handle, const VkAllocationCallbacks* callbacks) {
    live -= handle != VK_NULL_HANDLE ? 1 : 0;
    Replaced<destroy>::real(device, handle, callbacks);
  }};
};

struct CountedObjects {
  CountedObjects() { live = makings = fails_at = 0; }

  Counted<vkCreateBuffer, vkDestroyBuffer> buffers;
  Counted<vkAllocateMemory, vkFreeMemory> memories;
  Counted<vkCreateBufferView, vkDestroyBufferView> views;
  Counted<vkCreateCommandPool, vkDestroyCommandPool> commands;
  Counted<vkCreateFence, vkDestroyFence> fences;
  Counted<vkCreateDescriptorPool, vkDestroyDescriptorPool> pools;
  Counted<vkCreateDescriptorSetLayout, vkDestroyDescriptorSetLayout> bindings;
  Counted<vkCreatePipelineLayout, vkDestroyPipelineLayout> layouts;
  Counted<vkCreatePipelineCache, vkDestroyPipelineCache> caches;
  Counted<vkCreateShaderModule, vkDestroyShaderModule> shaders;
  Counted<vkCreateComputePipelines, vkDestroyPipeline> pipelines;
  Counted<vkCreateQueryPool, vkDestroyQueryPool> queries;
};

TEST(VulkanLifetime, AProgramLeavesNothingOnTheDevice) {
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    const CountedObjects counting;
    run_once(make_device(gpu));
    EXPECT_GT(makings, 20);
    EXPECT_EQ(live, 0);
  }
}

TEST(VulkanLifetime, AProgramThatCannotBeMadeLeavesNothing) {
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    const CountedObjects counting;
    run_once(make_device(gpu));
    int refused = 0;
    const int all = makings;
    for (int i = 1; i <= all; ++i) {
      makings = 0;
      fails_at = i;
      const std::string message = message_of([&] { run_once(make_device(gpu)); });
      EXPECT_EQ(live, 0) << message;
      if (message.empty()) continue;  // a driver need not have a cache
      EXPECT_THAT(message, testing::EndsWith("out of host memory"));
      ++refused;
    }
    EXPECT_EQ(refused, all - 1);
  }
}

TEST(VulkanLifetime, ProgramsShareWhatTheFirstHasOpened) {
  run_once(backends::open_device("vulkan"));
  const CallCounts counting;
  for (int i = 0; i < 10; ++i) {
    run_once(backends::open_device("vulkan"));
    run_once(backends::open_device("vulkan:0"));
    backend().devices();
  }
  for (const char* function : {"vkCreateInstance", "vkCreateDevice", "vkDestroyDevice"})
    EXPECT_EQ(CallCounts::counts()[function], 0) << function;
}

TEST(VulkanLifetime, ALostDeviceIsThereUntilItsProgramsAreGone) {
  if (!has_validation_layer()) GTEST_SKIP() << "no validation layer keeps other tests' device apart";
  auto program = std::make_unique<Compiled>(kProgram, backends::open_device("vulkan"));
  {
    const Replaced<vkQueueSubmit> losing([](auto...) -> VkResult { return VK_ERROR_DEVICE_LOST; });
    EXPECT_THAT(message_of([&] { program->run(); }),
                testing::HasSubstr("cannot submit: the device was lost"));
  }
  const CallCounts counting;
  run_once(backends::open_device("vulkan"));
  EXPECT_EQ(CallCounts::counts()["vkCreateDevice"], 1);
  EXPECT_EQ(CallCounts::counts()["vkDestroyDevice"], 0);
  program.reset();
  EXPECT_EQ(CallCounts::counts()["vkDestroyDevice"], 1);
  run_once(backends::open_device("vulkan"));
  EXPECT_EQ(CallCounts::counts()["vkCreateDevice"], 1);
}

TEST(VulkanLifetime, SixteenThreadsHaveAProgramEachOnOneDevice) {
  std::vector<std::vector<std::byte>> results(16);
  std::vector<std::function<void()>> threads;
  for (std::vector<std::byte>& result : results) {
    threads.emplace_back([&result, gpu = watched_gpu()] {
      Compiled program(kProgram, make_device(gpu));
      for (int32_t& id : elements<int32_t>(program.input(1))) id = 1;
      for (uint32_t step = 0; step < 20; ++step) program.run(step);
      result = program.output_bytes();
    });
  }
  EXPECT_EQ(together(threads, 2), "");
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

}  // namespace
}  // namespace sinter::vulkan::test
