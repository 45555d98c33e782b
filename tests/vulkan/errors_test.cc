#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/registry/registry.h"
#include "backends/vulkan/named_gpus.h"
#include "backends/vulkan/run/api.h"
#include "backends/vulkan/vulkan.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "ir/loop/parts.h"
#include "runtime/error.h"
#include "tests/support/message_of.h"
#include "tests/vulkan/harness.h"
#include "tests/vulkan/replaced.h"

// What people read when a driver is missing or fails, or a program is too much for a device. Each time the
// process lives, and other devices go on working.
namespace sinter::vulkan::test {
namespace {

constexpr const char* kSumProgram = R"(func @f(%x: f32[4,6], %y: f32[6]) {
  %0: f32[4] = contract %x, %y {dims="ik,k->i"}
  return %0
})";

void expect_works(const std::string& device) {
  Compiled program(kSumProgram, backends::open_device(device, 1)), reference(kSumProgram, on_cpu());
  program.run();
  reference.run();
  expect_close(program.outputs()[0], reference.outputs()[0], 1e-6);
}

std::string opening_fails_with() {
  return message_of([] { backends::open_device("vulkan"); });
}

TEST(VulkanErrors, NoLoader) {
  EXPECT_EQ(
      message_of([] { load_vulkan("libno-vulkan.so.1"); }),
      "vulkan: no Vulkan loader is installed (libno-vulkan.so.1: cannot open shared object file: No such "
      "file or directory); on Debian: apt install libvulkan1");
  EXPECT_EQ(message_of([] { load_vulkan("libm.so.6"); }),
            "vulkan: libm.so.6 is too old: it has no vkAllocateCommandBuffers");
  expect_works("cpu");
  expect_works("vulkan");
}

// The instance that another listener would have, as the process has one already.
TEST(VulkanErrors, NoDriver) {
  watched_gpu();  // loads Vulkan
  const Listener other = [](const std::string&) {};
  {
    const Replaced<vkCreateInstance> none([](auto...) -> VkResult { return VK_ERROR_INCOMPATIBLE_DRIVER; });
    EXPECT_EQ(
        message_of([&] { Gpu({.on_message = other}); }),
        "vulkan: no Vulkan driver is installed, or none can be loaded; VK_LOADER_DEBUG=all shows what was "
        "tried");
  }
  {
    const Replaced<vkCreateInstance> none([](auto...) -> VkResult { return VK_ERROR_OUT_OF_HOST_MEMORY; });
    EXPECT_EQ(message_of([&] { Gpu({.on_message = other}); }), "vulkan: cannot start: out of host memory");
  }
  expect_works("cpu");
  expect_works("vulkan");
}

TEST(VulkanErrors, NoDevice) {
  watched_gpu();
  const Replaced<vkEnumeratePhysicalDevices> none(
      [](VkInstance, uint32_t* count, VkPhysicalDevice*) -> VkResult {
        *count = 0;
        return VK_SUCCESS;
      });
  EXPECT_EQ(opening_fails_with(), "vulkan: no Vulkan driver or no device is installed");
  EXPECT_THAT(backend().devices(), testing::ElementsAre("vulkan: no device"));
  expect_works("cpu");
}

TEST(VulkanErrors, OutOfMemory) {
  const auto device = on_vulkan();
  {
    const Replaced<vkAllocateMemory> full([](auto...) -> VkResult { return VK_ERROR_OUT_OF_DEVICE_MEMORY; });
    EXPECT_EQ(message_of([] { Compiled(kSumProgram, on_vulkan()); }),
              "vulkan: constants of 256 bytes on " + watched_gpu()->name() + ": out of device memory");
    EXPECT_EQ(message_of([&] {
                device->make_state({{"w", {graph::DType::f32, {1024}}}});
              }),
              "vulkan: the state of 4096 bytes on " + watched_gpu()->name() + ": out of device memory");
    expect_works("cpu");
  }
  expect_works("vulkan");
}

// Whichever piece it is that does not fit.
TEST(VulkanErrors, OutOfMemoryWhenRunning) {
  static int left = 0;
  const Replaced<vkAllocateMemory> filling([](VkDevice device, const VkMemoryAllocateInfo* info,
                                              const VkAllocationCallbacks* callbacks,
                                              VkDeviceMemory* memory) -> VkResult {
    if (left-- <= 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return Replaced<vkAllocateMemory>::real(device, info, callbacks, memory);
  });
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    std::string message = "none yet";
    for (int i = 0; !message.empty(); ++i) {
      left = i;
      message = message_of([&] { Compiled(kSumProgram, make_device(gpu)).run(); });
      EXPECT_THAT(message,
                  testing::MatchesRegex("|vulkan: (constants|inputs|outputs|inputs and outputs|the "
                                        "arena|the state) of [0-9]+ bytes on .*: out of device memory"));
    }
  }
}

TEST(VulkanErrors, DeviceLost) {
  Compiled program(kSumProgram, backends::open_device("vulkan")),
      beside(kSumProgram, backends::open_device("vulkan")), watched(kSumProgram, on_vulkan());
  const std::string name = watched_gpu()->name();
  program.run();
  {
    const Replaced<vkWaitForFences> losing([](VkDevice device, uint32_t count, const VkFence* fences,
                                              VkBool32 all, uint64_t timeout) -> VkResult {
      Replaced<vkWaitForFences>::real(device, count, fences, all, timeout);
      return VK_ERROR_DEVICE_LOST;
    });
    EXPECT_EQ(
        message_of([&] { program.run(); }),
        "vulkan: " + name +
            ": waiting for a step: the device was lost: its driver reset it, or a kernel ran for too long");
  }
  const std::string lost =
      "vulkan: " + name + " was lost before, with all that lay there; compile the program anew";
  EXPECT_EQ(message_of([&] { program.run(); }), lost);
  EXPECT_EQ(message_of([&] { beside.run(); }), lost) << "another program that used it";
  if (has_validation_layer()) watched.run();  // then it has a logical device of its own
  expect_works("cpu");
  expect_works("vulkan");  // while programs that lost it are still there
  EXPECT_EQ(message_of([&] { program.run(); }), lost);
}

// A device of this machine that passes for a lesser one.
std::unique_ptr<backends::Device> lesser(std::function<void(GpuAbilities&)> lessen) {
  return make_device(std::make_shared<Gpu>(GpuOptions{.lessen = std::move(lessen)}));
}

// What a device says that can do what every device can, and less: what schedules make of the one at hand does
// not show.
std::string refusal(const std::string& text, const std::function<void(GpuAbilities&)>& lessen) {
  const auto change = [&](GpuAbilities& a) {
    a = named_gpu("least").abilities;
    lessen(a);
  };
  return message_of([&] { Compiled(text, lesser(change)); });
}

TEST(VulkanErrors, ATensorBeyondABinding) {
  EXPECT_EQ(
      refusal(R"(func @f(%x: f32[100,300]) {
  %0: f32[300,100] = transpose %x {permutation=[1,0]} @"model.cc":3 "head"
  return %0
})",
              [](GpuAbilities& a) { a.limits.maxStorageBufferRange = 1 << 16; }),
      "'x' has 120000 bytes; a kernel on this device reaches 65536 bytes of a tensor at most, transpose "
      "model.cc:3, in head");
}

TEST(VulkanErrors, MoreInOnePieceThanThereIs) {
  constexpr const char* kLarge = R"(func @f(%x: f32[300,300]) {
  %0: f32[300,300] = contract %x, %x {dims="ik,kj->ij"} @"model.cc":3 "head"
  %1: f32[300,300] = contract %0, %x {dims="ik,kj->ij"} @"model.cc":4
  %2: f32[300,300] = contract %1, %0 {dims="ik,kj->ij"} @"model.cc":5
  return %2
})";
  const auto gives = [](int64_t bytes) {
    return [bytes](GpuAbilities& a) {
      a.max_allocation = bytes;
      a.multiprocessors = 1;  // sums in one part
    };
  };
  EXPECT_EQ(
      refusal(kLarge, gives(700'000)),
      "intermediate values of 720000 bytes; this device gives 700000 at most in one piece. The largest, "
      "'contract at head', has 360000, contract model.cc:3, in head");
  EXPECT_EQ(refusal(kLarge, gives(300'000)),
            "inputs of 360016 bytes; this device gives 300000 at most in one piece. The largest, 'x', has "
            "360000, contract model.cc:3, in head");
}

// Below the four storage buffers of a stage that every device has.
TEST(VulkanErrors, MoreTensorsThanAKernelBinds) {
  constexpr const char* kAdd = R"(func @f(%a: f32[3], %b: f32[3]) {
  %0: f32[3] = add %a, %b @"model.cc":9
  return %0
})";
  EXPECT_EQ(refusal(kAdd, [](GpuAbilities& a) { a.limits.maxPerStageDescriptorStorageBuffers = 2; }),
            "add has 3 tensors; a kernel on this device has 2 at most (add model.cc:9)");
  EXPECT_EQ(refusal(kAdd, [](GpuAbilities& a) { a.limits.maxPerStageDescriptorStorageBuffers = 3; }), "");
}

// No sum is so short that it could not be cut, but what is left has a loop.
TEST(VulkanErrors, LongerLoopsThanTheDeviceTakes) {
  constexpr const char* kRows = R"(func @f(%x: f32[4,6]) {
  %0: f32[4,6] = softmax %x {axis=1} @"model.cc":9
  return %0
})";
  // As on a processor, in one kernel.
  const auto ends_loops = [](GpuAbilities& a) {
    a.is_processor = true;
    a.has_bytes = true;
    a.max_iterations = 1;
    a.limits.maxPerStageDescriptorStorageBuffers = a.limits.maxDescriptorSetStorageBuffers = 16;
  };
  EXPECT_EQ(
      refusal(kRows, ends_loops),
      "sub+exp would go through its loops 2 times; this device ends them after 1 (broadcast model.cc:9)");
}

TEST(VulkanErrors, TypesThatTheDeviceLacks) {
  const auto refused = [](const std::string& type) {
    return refusal("func @f(%x: " + type + "[3], %y: " + type + R"([3]) {
  %0: bool[3] = equal %x, %y @"model.cc":9
  return %0
})",
                   [](GpuAbilities& a) { a.has_f64 = a.has_i64 = a.has_bytes = false; });
  };
  EXPECT_EQ(refused("f64"), "the device does not have f64, in equal (equal model.cc:9)");
  EXPECT_EQ(refused("i64"), "the device does not have i64, in equal (equal model.cc:9)");
  EXPECT_EQ(refused("f32"), "");
}

// How many there are depends on the device; it is told that it has just as many, in two dimensions, and then
// fewer.
TEST(VulkanErrors, MoreWorkgroupsThanThereAre) {
  constexpr const char* kWide = R"(func @f(%x: f32[128,128]) {
  %0: f32[128,128] = exp %x @"model.cc":9
  return %0
})";
  const auto few = [](uint32_t groups) {
    return [groups](GpuAbilities& a) {
      a.limits.maxComputeWorkGroupInvocations = 64;
      a.limits.maxComputeWorkGroupSize[0] = 64;
      a.limits.maxComputeWorkGroupCount[0] = a.limits.maxComputeWorkGroupCount[1] = groups;
    };
  };
  const loop::Program program = lower_function(graph::parse(kWide, "test.sg"), "f", *lesser(few(1)));
  const int64_t groups = *loop::as_integer(loop::root_loop(program.kernels.at(0).parts.at(0))->extent);
  ASSERT_GT(groups, 2);
  uint32_t side = 1;
  while (side * side < groups) ++side;
  Compiled narrow(kWide, lesser(few(side))), cpu(kWide, on_cpu());
  narrow.run();
  cpu.run();
  expect_close(narrow.outputs()[0], cpu.outputs()[0], 1e-6);
  EXPECT_EQ(message_of([&] { Compiled(kWide, lesser(few(side - 1))); }),
            fmt::format("the device does not have {} workgroups, in exp (exp model.cc:9)", groups));
}

}  // namespace
}  // namespace sinter::vulkan::test
