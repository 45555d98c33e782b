#include "backends/vulkan/compile/shader_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/vulkan/vulkan.h"
#include "tests/vulkan/harness.h"

namespace sinter::vulkan::test {
namespace {

const loop::BufferRef kTo =
    std::make_shared<loop::Buffer>(loop::Buffer{"to", loop::Type::f32, 8, loop::Space::global, true});

struct Part {
  int64_t operations;
  int64_t lanes = 32;
  loop::BufferRef shared = nullptr;
};

// A load and its negation, again and again.
loop::Stmt loops(const Part& part) {
  const auto group = loop::make_variable("group"), lane = loop::make_variable("lane");
  const loop::Expr x = loop::apply(loop::ScalarOp::neg, {loop::load(kTo, loop::integer(0))});
  constexpr int64_t each = 2;
  loop::Stmt body = loop::store(kTo, loop::integer(0), x);
  body = loop::loop(loop::LoopKind::unrolled, loop::make_variable("i"), loop::integer(0),
                    loop::integer(part.operations / each), body);
  body = loop::loop(loop::LoopKind::lane, lane, loop::integer(0), loop::integer(part.lanes), body);
  if (part.shared) body = loop::allocate(part.shared, body);
  return loop::loop(loop::LoopKind::workgroup, group, loop::integer(0), loop::integer(1), body);
}

std::vector<size_t> parts_of_shaders(const std::vector<Part>& parts) {
  loop::Kernel kernel;
  kernel.name = "k";
  kernel.arguments = {kTo};
  for (const Part& part : parts) kernel.parts.push_back(loops(part));
  std::vector<size_t> counts;
  std::vector<loop::Stmt> all;
  for (const loop::Kernel& one : in_shaders(kernel)) {
    EXPECT_EQ(one.arguments, kernel.arguments);
    counts.push_back(one.parts.size());
    all.insert(all.end(), one.parts.begin(), one.parts.end());
  }
  EXPECT_THAT(all, testing::UnorderedElementsAreArray(kernel.parts));
  return counts;
}

using Counts = std::vector<size_t>;

TEST(ShaderParts, ShareAShaderAsLongAsItIsSmall) {
  EXPECT_EQ(parts_of_shaders({{10}}), Counts{1});
  EXPECT_EQ(parts_of_shaders({{100}, {100}, {100}}), Counts{3});
  EXPECT_EQ(parts_of_shaders({{4000}, {4000}, {2}}), (Counts{2, 1}));
  EXPECT_EQ(parts_of_shaders({{20000}, {10}, {10}}), (Counts{1, 2}));
  EXPECT_EQ(parts_of_shaders({{10}, {20000}, {10}}), (Counts{2, 1}));
}

TEST(ShaderParts, ShareAShaderWithAsManyLanes) {
  EXPECT_EQ(parts_of_shaders({{10, 64}, {10, 128}, {10, 64}}), (Counts{2, 1}));
}

TEST(ShaderParts, TakeNoMoreSharedMemoryThanTheOneThatTakesMost) {
  const auto shared = [](int64_t size) {
    return std::make_shared<loop::Buffer>(
        loop::Buffer{"stage", loop::Type::f32, size, loop::Space::shared, true});
  };
  const loop::BufferRef large = shared(64), small = shared(8);
  EXPECT_EQ(parts_of_shaders({{10, 64, large}, {10, 64, large}, {10, 64}}), Counts{3});
  EXPECT_EQ(parts_of_shaders({{10, 64, large}, {10, 64, small}, {10, 64}}), (Counts{2, 1}));
}

// Three products of one tensor are one launch; by the size of their tiles, three shaders.
TEST(ShaderParts, OfALaunchComeToWhatTheyDidInOneShader) {
  std::string text = "func @f(%x: f32[512,96], %a: f32[96,512], %b: f32[96,512], %c: f32[96,512]) {\n";
  for (const char* w : {"a", "b", "c"})
    text += std::string("  %") + w + "1: f32[512,512] = contract %x, %" + w + " {dims=\"ik,kj->ij\"}\n";
  text += "  return %a1, %b1, %c1\n}\n";
  const auto gpu = watched_gpu_as(discrete);
  expect_same_as_cpu(text, 1e-5, make_device(gpu));
  const int64_t pipelines = gpu->stats().pipelines;
  Compiled compiled(text, make_device(gpu));
  EXPECT_EQ(gpu->stats().pipelines, pipelines + 3);
  runtime::Profile profile;
  compiled.run(0, &profile);
  EXPECT_THAT(profile.table(), testing::HasSubstr("\n        1 ")) << "launches";
}

}  // namespace
}  // namespace sinter::vulkan::test
