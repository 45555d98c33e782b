#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "backends/vulkan/run/list_gpus.h"
#include "backends/vulkan/run/memory.h"
#include "backends/vulkan/run/state.h"
#include "ir/error.h"
#include "runtime/error.h"
#include "tests/vulkan/harness.h"

namespace sinter::vulkan::test {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(VulkanDevice, IsFoundByNumberAndByName) {
  const auto lines = list_gpus();
  ASSERT_FALSE(lines.empty());
  for (const char* part : {"vulkan:0  ", ", Vulkan 1.", "driver ", "memory ", "MiB a tensor",
                           "tensors a kernel", "workgroups of ", "KiB shared", "features: "}) {
    EXPECT_THAT(lines[0], HasSubstr(part));
  }
  const auto gpu = watched_gpu();
  EXPECT_NO_THROW(Gpu({.selector = "0"}));
  EXPECT_EQ(Gpu({.selector = gpu->name().substr(0, 5)}).name(), gpu->name());
}

TEST(VulkanDevice, AnUnknownOneIsToldWithThoseThatAre) {
  const std::string name = watched_gpu()->name();
  EXPECT_THAT([] { backends::open_device("vulkan:99"); },
              ThrowsMessage<RuntimeError>(HasSubstr("no device is '99'; there is 0 (")));
  EXPECT_THAT([] { backends::open_device("vulkan:voodoo"); }, ThrowsMessage<RuntimeError>(HasSubstr(name)));
}

TEST(VulkanDevice, MoreMemoryThanItGivesIsAnError) {
  EXPECT_THAT([] { Memory(*watched_gpu(), Memory::Kind::device, int64_t{1} << 50, "the arena"); },
              ThrowsMessage<RuntimeError>(HasSubstr("the arena of 1125899906842624 bytes")));
}

TEST(VulkanDevice, ATensorBeyondItsReachIsToldWithItsPlace) {
  EXPECT_THAT(
      [] {
        Compiled(R"(func @f(%x: f32[40000,40000]) {
  %0: f32[40000,40000] = exp %x @"model.cc":3 "head"
  return %0
})",
                 on_vulkan());
      },
      ThrowsMessage<GraphError>(
          testing::AllOf(HasSubstr("'x' has 6400000000 bytes"), HasSubstr("model.cc:3"))));
}

TEST(VulkanDevice, StateComesBackAsItWasSet) {
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    DeviceState state(gpu, {{"a", runtime::DType::f32, {3}}, {"b", runtime::DType::boolean, {2, 2}}});
    runtime::HostTensor value(runtime::DType::f32, {3});
    elements<float>(value)[1] = 4;
    state.set("a", value);
    EXPECT_EQ(state.get("a").values<float>()[1], 4);
    EXPECT_FALSE(state.get("b").values<bool>()[3]);
    EXPECT_THAT([&] { state.set("b", value); },
                ThrowsMessage<RuntimeError>("state 'b' is bool[2,2], got f32[3]"));
    EXPECT_THAT([&] { state.get("c"); }, ThrowsMessage<RuntimeError>("no state is called 'c'"));
  }
}

}  // namespace
}  // namespace sinter::vulkan::test
