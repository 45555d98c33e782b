#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "tests/vulkan/harness.h"

// What a graph gives on the GPU and on the CPU. Every op by itself stands in tests/reference.
namespace sinter::vulkan::test {
namespace {

TEST(VulkanParity, ContractionsOfEveryShape) {
  for (const char* shapes : {"1,1,1", "3,5,7", "10,64,64", "37,1,16", "1,33,4", "9,70,13"}) {
    int m = 0, k = 0, n = 0;
    ASSERT_EQ(sscanf(shapes, "%d,%d,%d", &m, &k, &n), 3);
    const auto text = [](int a, int b) { return "f32[" + std::to_string(a) + "," + std::to_string(b) + "]"; };
    SCOPED_TRACE(shapes);
    expect_same_as_cpu("func @f(%x: " + text(m, k) + ", %w: " + text(k, n) + ", %v: " + text(n, k) + ") {\n" +
                       "  %0: " + text(m, n) + " = contract %x, %w {dims=\"ik,kj->ij\"}\n" + "  %1: " +
                       text(m, n) + " = contract %x, %v {dims=\"ik,jk->ij\"}\n" + "  return %0, %1\n}\n");
  }
}

TEST(VulkanParity, BatchedContractionWithAnEpilogue) {
  expect_same_as_cpu(R"(func @f(%x: f32[3,2,5,8], %y: f32[3,7,2,8], %b: f32[7]) {
  %0: f32[3,2,5,7] = contract %x, %y {dims="bhqw,bkhw->bhqk"}
  %1: f32[3,2,5,7] = broadcast %b {shape=[3,2,5,7], dims=[3]}
  %2: f32[3,2,5,7] = add %0, %1
  %3: f32[3,2,5,7] = gelu %2 {tanh=false}
  return %3
})");
}

TEST(VulkanParity, RowsAndColumns) {
  expect_same_as_cpu(R"(func @f(%x: f32[33,70], %s: f32[70], %b: f32[70]) {
  %0: f32[33,70] = softmax %x {axis=1}
  %1: f32[33,70] = log_softmax %x {axis=0}
  %2: f32[33,70] = layer_norm %x, %s, %b {epsilon=1e-05}
  %3: f32[70] = reduce_sum %x {axes=[0]}
  %4: f32[] = reduce_sum %x {axes=[0,1]}
  %5: f32[33] = reduce_max %x {axes=[1]}
  return %0, %1, %2, %3, %4, %5
})");
}

TEST(VulkanParity, ViewsGathersAndOrder) {
  expect_same_as_cpu(R"(func @f(%x: f32[9,6], %i: i32[4], %u: f32[4,6]) {
  %0: f32[4,6] = gather %x, %i {axis=0}
  %1: f32[9,6] = scatter_add %x, %i, %u {axis=0}
  %2: f32[6,9] = transpose %x {permutation=[1,0]}
  %3: f32[54] = reshape %2 {shape=[54]}
  %4: f32[9,6] = cumsum %x {axis=0, reverse=true}
  %5: f32[9,2], %6: i32[9,2] = top_k %x {k=2}
  %7: i32[9] = argmax %x {axes=[1]}
  return %0, %1, %3, %4, %5, %6, %7
})");
}

TEST(VulkanParity, BoolsInBuffers) {
  expect_same_as_cpu(R"(func @f(%x: bool[5,3], %y: f32[5,3]) {
  %0: bool[5,3] = logical_not %x
  %1: f32[5,3] = neg %y
  %2: f32[5,3] = select %x, %y, %1
  %3: bool[5,3] = less %y, %1
  return %0, %2, %3
})");
}

TEST(VulkanParity, AttentionAndItsGradient) {
  expect_same_as_cpu(R"(func @f(%q: f32[2,2,5,8], %k: f32[2,2,5,8], %v: f32[2,2,5,8]) {
  %0: f32[2,2,5,8] = attention %q, %k, %v {bias=false, causal=true, lengths=false, mask=false, scale=0.35}
  %1: f32[2,2,5,8] = mul %0, %v
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[2,2,5,8], %4: f32[2,2,5,8], %5: f32[2,2,5,8] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
})",
                     1e-5);
}

TEST(VulkanParity, ConvolutionAndItsGradient) {
  expect_same_as_cpu(R"(func @f(%x: f32[2,3,6,6], %w: f32[4,3,3,3], %b: f32[4]) {
  %0: f32[2,4,6,6] = convolution %x, %w, %b {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
  %1: f32[2,4,3,3] = max_pool %0 {size=[2,2], stride=[2,2]}
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[2,3,6,6], %4: f32[4,3,3,3], %5: f32[4] = grad %2, %x, %w, %b
  return %1, %3, %4, %5
})",
                     1e-5);
}

// What lavapipe would simplify, or gets wrong: to the bit.
void expect_same_arithmetic(const std::string& type) {
  const auto same = [&](const std::string& op, const std::string& constant, bool first) {
    SCOPED_TRACE(type + " " + op + (first ? " of " : " by ") + constant);
    const std::string text = "func @f(%x: " + type + "[12]) {\n  %c: " + type +
                             "[12] = constant {dtype=" + type + ", shape=[12], value=" + constant +
                             "}\n  %0: " + type + "[12] = " + op + (first ? " %c, %x" : " %x, %c") +
                             "\n  return %0\n}";
    Compiled cpu(text, on_cpu()), gpu(text, on_vulkan());
    for (Compiled* program : {&cpu, &gpu}) {
      const double values[] = {0.0, -0.0, 1.5, -1.5, INFINITY, -INFINITY, NAN, 2.5, 3.5, 1e30, 0.5, -0.5};
      for (size_t i = 0; i < 12; ++i) {
        if (type == "f32") elements<float>(program->input(0))[i] = static_cast<float>(values[i]);
        if (type == "f64") elements<double>(program->input(0))[i] = values[i];
      }
      program->run();
    }
    const auto at = [&](const Compiled& program, size_t i) -> double {
      return type == "f32" ? program.outputs()[0].values<float>()[i]
                           : program.outputs()[0].values<double>()[i];
    };
    for (size_t i = 0; i < 12; ++i) {
      const double got = at(gpu, i), want = at(cpu, i);
      if (std::isnan(got) && std::isnan(want)) continue;
      EXPECT_TRUE(got == want && std::signbit(got) == std::signbit(want)) << got << " for " << want;
    }
  };
  for (const char* op : {"add", "sub", "mul", "div"}) {
    for (const char* constant : {"0.0", "-0.0"}) {
      for (const bool first : {false, true}) same(op, constant, first);
    }
  }
}

TEST(VulkanParity, ZerosAndInfinitiesInArithmetic) {
  expect_same_arithmetic("f32");
}

TEST(VulkanParity, ZerosAndInfinitiesInArithmeticOfF64) {
  if (!watched_gpu()->abilities().has_f64) GTEST_SKIP() << "the device has no f64";
  expect_same_arithmetic("f64");
}

void expect_same_integers(const std::vector<std::string>& types, const std::vector<std::string>& floats) {
  for (const std::string& type : types) {
    for (const std::string& between : floats) {
      SCOPED_TRACE(type + " " + between);
      const std::string text = "func @f(%x: " + type + "[4]) {\n  %0: " + between +
                               "[4] = cast %x {dtype=" + between + "}\n  %1: " + type +
                               "[4] = cast %0 {dtype=" + type + "}\n  return %1\n}";
      Compiled cpu(text, on_cpu()), gpu(text, on_vulkan());
      for (Compiled* program : {&cpu, &gpu}) {
        const int64_t values[] = {16777217, -33554433, 123456789, 9007199254740993};
        for (size_t i = 0; i < 4; ++i) {
          if (type == "i32") elements<int32_t>(program->input(0))[i] = static_cast<int32_t>(values[i]);
          if (type == "i64") elements<int64_t>(program->input(0))[i] = values[i];
        }
        program->run();
      }
      EXPECT_EQ(cpu.output_bytes(), gpu.output_bytes());
    }
  }
}

TEST(VulkanParity, IntegersThatWereFloatsInBetween) {
  expect_same_integers({"i32"}, {"f32"});
}

TEST(VulkanParity, WideIntegersThatWereFloatsInBetween) {
  if (!watched_gpu()->abilities().has_i64) GTEST_SKIP() << "the device has no i64";
  if (!watched_gpu()->abilities().has_f64) GTEST_SKIP() << "the device has no f64";
  expect_same_integers({"i32", "i64"}, {"f32", "f64"});
}

TEST(VulkanParity, RoundsHalvesOfF64ToEven) {
  if (!watched_gpu()->abilities().has_f64) GTEST_SKIP() << "the device has no f64";
  const std::string text = "func @f(%x: f64[10]) {\n  %0: f64[10] = round %x\n  return %0\n}";
  Compiled gpu(text, on_vulkan());
  const double values[] = {1.5,  3.5,  -1.5,     -2.5, 1e9 + 0.5, 1e15 + 0.5, 4503599627370497,
                           0.49, -0.5, -INFINITY};
  const double rounded[] = {2, 4, -2, -2, 1e9, 1e15, 4503599627370497, 0, -0.0, -INFINITY};
  std::ranges::copy(values, elements<double>(gpu.input(0)).begin());
  gpu.run();
  for (size_t i = 0; i < 10; ++i) {
    const double got = gpu.outputs()[0].values<double>()[i];
    EXPECT_EQ(got, rounded[i]);
    EXPECT_EQ(std::signbit(got), std::signbit(rounded[i])) << values[i];
  }
}

// Kernels of one text, with fewer and more workgroups than the first of them has.
TEST(VulkanParity, KernelsThatDifferInTheirWorkgroupsAlone) {
  const std::string text = R"(func @f(%x: f32[16,128], %w: f32[40,16], %v: f32[8,40]) {
  %0: f32[16,128] = softmax %x {axis=1}
  %1: f32[40,128] = contract %w, %0 {dims="ij,jk->ik"}
  %2: f32[40,128] = softmax %1 {axis=1}
  %3: f32[8,128] = contract %v, %2 {dims="ij,jk->ik"}
  %4: f32[8,128] = softmax %3 {axis=1}
  return %0, %2, %4
})";
  expect_same_as_cpu(text);
  const backends::Source source = {"f", nullptr, [&](const loop::Target& target) {
                                     return passes::lower(graph::parse(text, "test.sg"), "f", target, {});
                                   }};
  const std::string shaders = on_vulkan()->text(source, "glsl");
  size_t count = 0;
  for (size_t at = shaders.find("#version"); at != std::string::npos; at = shaders.find("#version", at + 1))
    ++count;
  EXPECT_LT(count, 5) << "no shader is shared:\n" << shaders;
}

TEST(VulkanParity, AScanMovesItsSlices) {
  expect_same_as_cpu(R"(func @step(%h: f32[3], %x: f32[3], %w: f32[3,3]) {
  %0: f32[3] = contract %w, %h {dims="ij,j->i"}
  %1: f32[3] = add %0, %x
  %2: f32[3] = tanh %1
  return %2, %1
}

func @f(%h: f32[3], %x: f32[7,3], %w: f32[3,3]) {
  %0: f32[3], %1: f32[7,3] = scan %h, %x, %w {carries=1, constants=1, function="step", length=7, reverse=false}
  %2: f32[] = reduce_sum %1 {axes=[0,1]}
  %3: f32[3,3] = grad %2, %w
  return %0, %1, %3
})",
                     1e-5);
}

}  // namespace
}  // namespace sinter::vulkan::test
