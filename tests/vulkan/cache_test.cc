#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <tuple>

#include "backends/vulkan/compile/spirv.h"
#include "backends/vulkan/player/image_bytes.h"
#include "backends/vulkan/run/pipeline_cache.h"
#include "backends/vulkan/run/pipelines.h"
#include "backends/vulkan/vulkan.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
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

// A folder of a cache, and what making programs ready with it costs.
class VulkanCache : public testing::Test {
 protected:
  struct Cost {
    int64_t lowered = 0, shaders = 0;
    bool operator==(const Cost&) const = default;
  };

  std::string cache() const { return folder_.path("cache"); }
  std::vector<std::filesystem::path> entries() const {
    const std::filesystem::directory_iterator files(cache());
    return {begin(files), end(files)};
  }
  // The key of an entry, which stands behind four words.
  static std::string key_of(const std::filesystem::path& entry) {
    const std::string bytes = runtime::read_file(entry);
    uint64_t size = 0;
    std::memcpy(&size, bytes.data() + 8, sizeof size);
    return bytes.substr(32, size);
  }

  Cost compile(const std::string& identity = "one", std::function<void(GpuAbilities&)> lessen = nullptr) {
    const auto gpu = std::make_shared<Gpu>(GpuOptions{.cache_folder = cache(), .lessen = lessen});
    const graph::Module module = graph::parse(kProgram, "test.sg");
    const int64_t before = shaders_compiled();
    Cost cost;
    const auto lower = [&](const loop::Target& target) {
      ++cost.lowered;
      return passes::lower(module, "f", target, {});
    };
    make_device(gpu)->compile({"f", nullptr, lower, [&] { return identity; }});
    cost.shaders = shaders_compiled() - before;
    return cost;
  }

  const ScratchFolder folder_;
};

TEST_F(VulkanCache, AFunctionIsCompiledOnce) {
  const Cost first = compile(), none;
  EXPECT_EQ(first.lowered, 1);
  EXPECT_GT(first.shaders, 0);
  EXPECT_EQ(compile(), none);
  EXPECT_EQ(compile(), none);
  EXPECT_EQ(compile("other"), (Cost{1, 0})) << "whose shaders are known";
  EXPECT_EQ(compile("other"), none);
}

TEST_F(VulkanCache, AFunctionIsCompiledForEachKindOfDevice) {
  compile();
  const auto gives_less = [](GpuAbilities& a) { a.max_allocation /= 2; };
  const auto shares_less = [](GpuAbilities& a) { a.limits.maxComputeSharedMemorySize /= 2; };
  EXPECT_EQ(compile("one", gives_less).lowered, 1);
  EXPECT_EQ(compile("one", shares_less).lowered, 1);
  EXPECT_EQ(compile("one", gives_less), Cost());
  EXPECT_EQ(compile(), Cost());
}

// Also one whose checksum is right.
TEST_F(VulkanCache, AnImpossibleFunctionIsCompiledAgain) {
  compile();
  runtime::DiskCache kept(cache());
  for (const std::filesystem::path& entry : entries()) {
    const std::string key = key_of(entry);
    if (!key.starts_with("image")) continue;
    const std::string image = kept.get(key).value();
    for (const std::string& other : {std::string(), image.substr(0, image.size() / 2), image + image,
                                     std::string("\x80"), std::string(100, '\xff')}) {
      kept.put(key, other);
      EXPECT_EQ(compile(), (Cost{1, 0}));
      EXPECT_EQ(kept.get(key), image);
    }
  }
}

TEST_F(VulkanCache, AShaderIsCompiledOnce) {
  runtime::DiskCache kept(cache());
  const auto words = cached_spirv(kShader, kept);
  EXPECT_EQ(words, compile_to_spirv(kShader));
  EXPECT_EQ(cached_spirv(kShader, kept), words);
  // What is kept is what is used.
  kept.put(spirv_key(kShader), "other words.");
  EXPECT_EQ(cached_spirv(kShader, kept).size(), 3u);
}

TEST_F(VulkanCache, ResultsAreTheSameFromIt) {
  const auto first = result_on(gpu_with(cache()));
  const size_t kept = entries().size();
  EXPECT_GT(kept, 1u);
  EXPECT_EQ(result_on(gpu_with(cache())), first);
  EXPECT_EQ(entries().size(), kept);
}

// Cut short at its end, its middle and its beginning; changed there; of another version of the cache.
TEST_F(VulkanCache, DamagedEntriesAreMadeAgain) {
  const auto first = result_on(gpu_with(cache()));
  using Damage = std::function<void(std::string&)>;
  const std::vector<Damage> damages = {[](std::string& bytes) { bytes.back() ^= 1; },
                                       [](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; },
                                       [](std::string& bytes) { bytes[7] = '0'; },
                                       [](std::string& bytes) { bytes.pop_back(); },
                                       [](std::string& bytes) { bytes.resize(bytes.size() / 2); },
                                       [](std::string& bytes) { bytes.resize(20); },
                                       [](std::string& bytes) { bytes.clear(); }};
  for (const Damage& damage : damages) {
    for (const std::filesystem::path& entry : entries()) {
      std::string bytes = runtime::read_file(entry);
      damage(bytes);
      runtime::write_file_atomically(entry, bytes);
    }
    EXPECT_EQ(result_on(gpu_with(cache())), first);
  }
}

// The driver has the last word on what it once gave.
TEST_F(VulkanCache, PipelinesThatTheDriverDoesNotKnowAreMadeAgain) {
  const auto gpu = gpu_with(cache());
  const Kernel kernel{.name = "one", .spirv = compile_to_spirv(kShader), .views = {{}}};
  gpu->cache().put(PipelineCache::key(*gpu, {kernel}), std::string(100, 'x'));
  EXPECT_NE(Pipelines(*gpu, {kernel}).at(0).pipeline, VK_NULL_HANDLE);
}

Image an_image() {
  Image image;
  image.name = "train";
  image.inputs = {{"x", runtime::DType::f32, {2, 3}}};
  image.slots = {{runtime::Slot::Kind::input, 0, 0, 24, {}},
                 {runtime::Slot::Kind::constant, 0, 0, 1, {std::byte{255}}},
                 {runtime::Slot::Kind::state, 7, 0, 24, {}}};
  image.faults = {{runtime::FaultSite::Kind::finite, "check", "loss", {}, 0, "model.cc:3"}};
  image.f32_faults = {true};
  image.infos = {{"train", "add", {"model.cc:1"}, 6, 48}};
  image.kernels = {{"add",
                    {0x07230203, 1},
                    {{0, View::Kind::texels_f32_by_4}, {1, View::Kind::storage}},
                    1,
                    true,
                    false,
                    true}};
  image.launches = {{{{0, {5, 6}}}, 0, {{0, 4, 24, false}, {2, 0, 24, true}}, {-1}}};
  image.meetings = {
      {{runtime::Collective::Kind::all_reduce, runtime::Fold::sum, 4, {{runtime::DType::f32, 2}}},
       1,
       3,
       {{0, 16}},
       {{2, 8}}}};
  image.segments = {{{}, 0, {0}}, {{0}, 1, {}}};
  return image;
}

TEST(VulkanImageBytes, HoldAllOfAnImage) {
  const std::string bytes = to_bytes(an_image());
  const auto read = from_bytes(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_bytes(*read), bytes);
  const Kernel& kernel = read->kernels.at(0);
  EXPECT_EQ(kernel.name, "add");
  EXPECT_EQ(kernel.spirv, (std::vector<uint32_t>{0x07230203, 1}));
  EXPECT_EQ(kernel.views, an_image().kernels[0].views);
  EXPECT_EQ(std::tuple(kernel.offsets, kernel.reads_call, kernel.uses_faults, kernel.reports_faults),
            std::tuple(1, true, false, true));
  const Launch& launch = read->launches.at(0);
  EXPECT_EQ(launch.dispatches.at(0).groups, (std::array<uint32_t, 2>{5, 6}));
  EXPECT_EQ(launch.offsets, (std::vector<int32_t>{-1}));
  const Binding& binding = launch.bindings.at(1);
  EXPECT_EQ(std::tuple(binding.slot, binding.begin, binding.end, binding.written),
            std::tuple(2, 0, 24, true));
  EXPECT_EQ(read->segments.at(0).begins, std::vector<size_t>{0});
  EXPECT_EQ(read->segments.at(1).ends, std::vector<size_t>{0});
  EXPECT_EQ(read->segments.at(1).launches, 1);
  EXPECT_EQ(std::tuple(read->meetings.at(0).rank, read->meetings.at(0).results.at(0).offset),
            std::tuple(1, 8));
  EXPECT_EQ(read->f32_faults, std::vector<bool>{true});
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(from_bytes(bytes.substr(0, size)).has_value()) << size;
}

TEST(VulkanImageBytes, AreRefusedWhereTheyDoNotFitTogether) {
  const auto is_refused = [](const std::function<void(Image&)>& change) {
    Image image = an_image();
    change(image);
    return !from_bytes(to_bytes(image)).has_value();
  };
  EXPECT_FALSE(is_refused([](Image&) {}));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].dispatches[0].kernel = 1; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].dispatches = {}; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].info = 1; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].offsets = {}; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].bindings.pop_back(); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].bindings[0].slot = 3; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.launches[0].bindings[0].end = 25; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.segments.pop_back(); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.segments[1].launches = 2; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.segments[1].ends = {}; }));
  EXPECT_TRUE(is_refused([](Image& image) { std::swap(image.segments[0], image.segments[1]); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.meetings[0].operands[0].offset = 17; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.meetings[0].results[0].slot = 3; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.meetings[0].collective.leaves = 0; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.meetings[0].rank = 3; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.kernels[0].views[0].kind = View::Kind(4); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.kernels[0].spirv = {}; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.f32_faults = {}; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.faults[0].kind = runtime::FaultSite::Kind(2); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.inputs[0].dtype = runtime::DType(7); }));
  EXPECT_TRUE(is_refused([](Image& image) { image.slots[0].ordinal = 1; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.slots[1].bytes = 2; }));
  EXPECT_TRUE(is_refused([](Image& image) { image.slots[2].kind = runtime::Slot::Kind::arena; }));
}

}  // namespace
}  // namespace sinter::vulkan::test
