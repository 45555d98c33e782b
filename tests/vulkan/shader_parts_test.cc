#include "backends/vulkan/compile/shader_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/vulkan/vulkan.h"
#include "tests/vulkan/harness.h"

namespace sinter::vulkan::test {
namespace {

const loop::BufferRef kTo =
    std::make_shared<loop::Buffer>(loop::Buffer{"to", loop::Type::f32, 8, loop::Space::global, true});

// A load and its negation, again and again.
loop::Stmt part(int64_t operations) {
  const auto group = loop::make_variable("group"), i = loop::make_variable("i");
  const loop::Expr x = loop::apply(loop::ScalarOp::neg, {loop::load(kTo, loop::integer(0))});
  constexpr int64_t each = 2;
  const loop::Stmt body = loop::store(kTo, loop::integer(0), x);
  return loop::loop(
      loop::LoopKind::workgroup, group, loop::integer(0), loop::integer(1),
      loop::loop(loop::LoopKind::unrolled, i, loop::integer(0), loop::integer(operations / each), body));
}

std::vector<size_t> parts_of_shaders(const std::vector<int64_t>& operations) {
  loop::Kernel kernel;
  kernel.name = "k";
  kernel.arguments = {kTo};
  for (const int64_t each : operations) kernel.parts.push_back(part(each));
  std::vector<size_t> counts;
  size_t next = 0;
  for (const loop::Kernel& one : in_shaders(kernel)) {
    EXPECT_EQ(one.arguments, kernel.arguments);
    counts.push_back(one.parts.size());
    for (const loop::Stmt& stmt : one.parts) EXPECT_EQ(stmt, kernel.parts.at(next++)) << "out of order";
  }
  EXPECT_EQ(next, kernel.parts.size());
  return counts;
}

TEST(ShaderParts, ShareAShaderAsLongAsItIsSmall) {
  using Counts = std::vector<size_t>;
  EXPECT_EQ(parts_of_shaders({10}), Counts{1});
  EXPECT_EQ(parts_of_shaders({100, 100, 100}), Counts{3});
  EXPECT_EQ(parts_of_shaders({2000, 2000, 2}), (Counts{2, 1}));
  EXPECT_EQ(parts_of_shaders({20000, 10, 10}), (Counts{1, 2}));
  EXPECT_EQ(parts_of_shaders({10, 20000, 10}), (Counts{1, 1, 1}));
}

// Three products of one tensor are one launch; by the size of their tiles, three shaders.
TEST(ShaderParts, OfALaunchComeToWhatTheyDidInOneShader) {
  std::string text = "func @f(%x: f32[512,96], %a: f32[96,512], %b: f32[96,512], %c: f32[96,512]) {\n";
  for (const char* w : {"a", "b", "c"})
    text += std::string("  %") + w + "1: f32[512,512] = contract %x, %" + w + " {dims=\"ik,kj->ij\"}\n";
  text += "  return %a1, %b1, %c1\n}\n";
  GpuOptions options;
  options.lessen = [](GpuAbilities& abilities) {
    abilities.is_processor = false;
    abilities.multiprocessors = 4;
  };
  const auto gpu = std::make_shared<Gpu>(options);
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
