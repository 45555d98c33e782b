#include <gtest/gtest.h>

#include "backends/vulkan/compile/spirv.h"
#include "backends/vulkan/run/pipeline_cache.h"
#include "backends/vulkan/run/pipelines.h"
#include "backends/vulkan/vulkan.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/vulkan/harness.h"

namespace sinter::vulkan::test {
namespace {

constexpr const char* kShader = R"(#version 460
layout(local_size_x = 1) in;
layout(binding = 0) buffer Out { float out0[]; };
void main() { out0[0] = 1.0; }
)";

constexpr const char* kProgram = R"(func @f(%x: f32[4,6]) {
  %0: f32[4,6] = softmax %x {axis=1}
  return %0
})";

std::shared_ptr<Gpu> gpu_with(const std::string& folder) {
  return std::make_shared<Gpu>(GpuOptions{.cache_folder = folder});
}

std::vector<std::byte> result_on(const std::shared_ptr<Gpu>& gpu) {
  Compiled program(kProgram, make_device(gpu));
  program.run();
  return program.output_bytes();
}

TEST(VulkanCache, AShaderIsCompiledOnce) {
  const ScratchFolder folder;
  runtime::DiskCache cache(folder.path("cache"));
  const auto words = cached_spirv(kShader, cache);
  EXPECT_EQ(words, compile_to_spirv(kShader));
  EXPECT_EQ(cached_spirv(kShader, cache), words);
  // What is kept is what is used.
  cache.put(spirv_key(kShader), "other words.");
  EXPECT_EQ(cached_spirv(kShader, cache).size(), 3u);
}

TEST(VulkanCache, KeepsTheShadersOfAProgram) {
  const ScratchFolder folder;
  const auto first = result_on(gpu_with(folder.path("cache")));
  const auto entries = [&] {
    return std::distance(std::filesystem::directory_iterator(folder.path("cache")), {});
  };
  const auto kept = entries();
  EXPECT_GT(kept, 0);
  EXPECT_EQ(result_on(gpu_with(folder.path("cache"))), first);
  EXPECT_EQ(entries(), kept);
}

TEST(VulkanCache, DamagedEntriesAreMadeAgain) {
  const ScratchFolder folder;
  const auto first = result_on(gpu_with(folder.path("cache")));
  for (const auto& file : std::filesystem::directory_iterator(folder.path("cache"))) {
    std::string bytes = runtime::read_file(file.path());
    bytes[bytes.size() - 1] ^= 1;
    runtime::write_file_atomically(file.path(), bytes);
  }
  EXPECT_EQ(result_on(gpu_with(folder.path("cache"))), first);
}

// The driver has the last word on what it once gave.
TEST(VulkanCache, PipelinesThatTheDriverDoesNotKnowAreMadeAgain) {
  const ScratchFolder folder;
  const auto gpu = gpu_with(folder.path("cache"));
  const Kernel kernel{.name = "one", .spirv = compile_to_spirv(kShader), .views = {{}}};
  gpu->cache().put(PipelineCache::key(*gpu, {kernel}), std::string(100, 'x'));
  EXPECT_NE(Pipelines(*gpu, {kernel}).at(0).pipeline, VK_NULL_HANDLE);
}

}  // namespace
}  // namespace sinter::vulkan::test
