#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

// What mpmath gives with 1500 bits; of `rem`, math.fmod. GLSL has none of these functions in f64.
TEST(VulkanParity, FunctionsOfF64) {
  if (!watched_gpu()->abilities().has_f64) GTEST_SKIP() << "the device has no f64";
  // Among numbers of 53 bits the one that is next to a multiple of pi/2.
  constexpr double kNextToMultiple = 5.319372648326541e+255;
  constexpr double kMost = std::numeric_limits<double>::max(), kInf = INFINITY, kNan = NAN;
  struct Row {
    const char* op;
    double x, y, want;
  };
  const Row rows[] = {
      {"exp", -708.3, 0, 2.450295530965988e-308},
      {"exp", 709.75, 0, 1.7398368732641605e+308},
      {"exp", 709.9, 0, kInf},
      {"exp", -kInf, 0, 0},
      {"expm1", -0.25, 0, -0.22119921692859512},
      {"expm1", 1e-9, 0, 1.0000000005000001e-09},
      {"expm1", -0.0, 0, -0.0},
      {"expm1", -kInf, 0, -1},
      {"log", 1.0000000000000002, 0, 2.2204460492503128e-16},
      {"log", kMost, 0, 709.782712893384},
      {"log", -0.0, 0, -kInf},
      {"log", -1, 0, kNan},
      {"log1p", -0.4375, 0, -0.5753641449035618},
      {"log1p", 1e-12, 0, 9.999999999995e-13},
      {"log1p", -1, 0, -kInf},
      {"sin", 1e22, 0, -0.8522008497671888},
      {"sin", 3.141592653589793, 0, 1.2246467991473532e-16},
      {"sin", -0.0, 0, -0.0},
      {"cos", kNextToMultiple, 0, -4.687165924254628e-19},
      {"cos", -kMost, 0, -0.9999876894265599},
      {"cos", kInf, 0, kNan},
      {"tanh", 0.375, 0, 0.35835739835078595},
      {"tanh", -800, 0, -1},
      {"erf", 0.9375, 0, 0.8151024010343998},
      {"erf", -2.5, 0, -0.999593047982555},
      {"erf", kInf, 0, 1},
      {"pow", 1.0000001, 1e9, 2.6881038582144647e+43},
      {"pow", 0.1, -300.5, 3.1622776601683265e+300},
      {"pow", -2, 3, -8},
      {"pow", -2, 0.5, kNan},
      {"pow", -0.0, -3, -kInf},
      {"pow", kNan, 0, 1},
      {"rem", 1e300, 3.7, 1.765761626199355},
      {"rem", -7.5, 2, 0.5},  // of the divisor's sign
      {"rem", 1, kInf, 1},
      {"rem", 1, 0, kNan},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(fmt::format("{} of {} and {}", row.op, row.x, row.y));
    const bool is_binary = row.op == std::string("pow") || row.op == std::string("rem");
    Compiled gpu(fmt::format("func @f(%x: f64[1], %y: f64[1]) {{\n  %0: f64[1] = {} %x{}\n  return %0\n}}",
                             row.op, is_binary ? ", %y" : ""),
                 on_vulkan());
    elements<double>(gpu.input(0))[0] = row.x;
    elements<double>(gpu.input(1))[0] = row.y;
    gpu.run();
    const double got = gpu.outputs()[0].values<double>()[0];
    if (std::isnan(row.want)) {
      EXPECT_TRUE(std::isnan(got)) << got;
      continue;
    }
    EXPECT_EQ(std::signbit(got), std::signbit(row.want));
    if (got == row.want) continue;
    EXPECT_LE(std::abs(got - row.want), 2 * std::numeric_limits<double>::epsilon() * std::abs(row.want))
        << got;
  }
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
