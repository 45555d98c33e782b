#include <gtest/gtest.h>

#include <string>

#include "tests/vulkan/harness.h"

// A bool is a byte on every device. Where kernels reach no bytes they reach the words that have them, several
// invocations the same one: a device that is told to be such a one, against the CPU.
namespace sinter::vulkan::test {
namespace {

void expect_same(const std::string& text) {
  for (const bool is_processor : {true, false}) {
    SCOPED_TRACE(text);
    const auto without_bytes = [&](GpuAbilities& a) {
      a.has_bytes = false;
      a.is_processor = is_processor;
    };
    Compiled cpu(text, on_cpu()), gpu(text, on_vulkan_as(without_bytes));
    for (uint32_t seed = 1; seed <= 3; ++seed) {
      cpu.draw_inputs(seed);
      gpu.draw_inputs(seed);
      cpu.run();
      gpu.run();
      EXPECT_EQ(cpu.output_bytes(), gpu.output_bytes()) << "seed " << seed;
    }
  }
}

// No word is left half filled, and none is written beyond its end.
TEST(VulkanWords, OfEverySize) {
  for (const char* n : {"1", "2", "3", "4", "5", "7", "8", "130", "1001"}) {
    const std::string bools = std::string("bool[") + n + "]", floats = std::string("f32[") + n + "]";
    expect_same("func @f(%m: " + bools + ", %x: " + floats + ", %y: " + floats + ") {\n  %0: " + bools +
                " = less %x, %y\n  %1: " + bools + " = logical_xor %0, %m\n  %2: " + bools +
                " = logical_not %m\n  %3: " + floats + " = select %1, %x, %y\n  return %0, %1, %2, %3\n}");
  }
}

// Rows that end within a word, and come from one or go into one.
TEST(VulkanWords, OfMovedRows) {
  expect_same(R"(func @f(%m: bool[5,7], %x: f32[5,7]) {
  %0: bool[7,5] = transpose %m {permutation=[1,0]}
  %1: bool[3,7] = slice %m {limit=[4,7], start=[1,0], stride=[1,1]}
  %2: bool[8,7] = concat %m, %1 {axis=0}
  %3: f32[5,7] = select %m, %x, %x
  %4: bool[5,7] = greater %3, %x
  %6: bool[5,7] = logical_or %4, %m
  return %0, %2, %6
})");
}

// A scan's steps each have a row of three bytes.
TEST(VulkanWords, OfAScansSteps) {
  expect_same(R"(func @step(%c: bool[3], %m: bool[3]) {
  %0: bool[3] = logical_xor %c, %m
  %1: bool[3] = logical_not %0
  return %0, %1
}
func @f(%c: bool[3], %m: bool[6,3]) {
  %0: bool[3], %1: bool[6,3] = scan %c, %m {carries=1, constants=0, function="step", length=6}
  return %0, %1
})");
}

}  // namespace
}  // namespace sinter::vulkan::test
