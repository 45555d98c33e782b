#include <gtest/gtest.h>

#include "tests/support/message_of.h"
#include "tests/vulkan/harness.h"

// Programs beyond what one kernel may do on the device: longer loops than lavapipe takes, more tensors than a
// stage binds. tests/schedule/limits_test.cc has more of them, for smaller limits.
namespace sinter::vulkan::test {
namespace {

using runtime::HostTensor;

// %t is 1 where %n, an input of 0, 1 or 2 that no one knows when compiling, is at most the row's number.
std::string over_rows(const std::string& rows, const std::string& columns, const std::string& rest) {
  const std::string shape = "[" + rows + "," + columns + "]";
  return "func @f(%n: i32[]) {\n  %i: i32" + shape + " = iota {axis=0, dtype=i32, shape=" + shape +
         "}\n  %z: i32" + shape + " = broadcast %n {dims=[], shape=" + shape + "}\n  %g: bool" + shape +
         " = greater_equal %i, %z\n  %t: f32" + shape + " = cast %g {dtype=f32}\n" + rest + "\n}";
}

void expect_all(const std::string& text, float value) {
  Compiled program(text, on_vulkan());
  elements<int32_t>(program.input(0))[0] = 0;
  program.run();
  for (const HostTensor& output : program.outputs()) {
    for (const float x : output.values<float>()) ASSERT_EQ(x, value);
  }
}

TEST(VulkanLimits, SumsOfMoreRowsThanALoopTakes) {
  expect_all(over_rows("70000", "3", "  %y: f32[3] = reduce_sum %t {axes=[0]}\n  return %y"), 70000);
  expect_all(over_rows("70001", "1", R"(  %y: f32[] = reduce_sum %t {axes=[0,1]}
  %s: f32[70001,1] = cumsum %t {axis=0}
  %l: f32[1,1] = slice %s {limit=[70001,1], start=[70000,0], stride=[1,1]}
  return %y, %l)"),
             70001);
  expect_all(over_rows("70000", "3", R"(  %y: f32[3,3] = contract %t, %t {dims="bi,bj->ij"}
  return %y)"),
             70000);
}

// Lanes with tiles of four forms go through each one's loop.
TEST(VulkanLimits, ContractionsWhoseLanesHaveTilesOfSeveralForms) {
  expect_all(
      over_rows("20000", "7", R"(  %x: f32[20000,5] = slice %t {limit=[20000,5], start=[0,0], stride=[1,1]}
  %y: f32[5,7] = contract %x, %t {dims="bi,bj->ij"}
  return %y)"),
      20000);
}

TEST(VulkanLimits, ManyUpdatesOfOneRow) {
  const std::string scatter = R"(  %r: i32[70000] = broadcast %n {dims=[], shape=[70000]}
  %b: f32[1,2] = constant {dtype=f32, shape=[1,2], value=0.0}
  %y: f32[1,2] = scatter_add %b, %r, %t {axis=0}
  return %y)";
  expect_all(over_rows("70000", "2", scatter), 70000);
  // Sorted; the updates of a row are added up for one run of columns after the other.
  const std::string sorted = R"(  %r: i32[6000] = broadcast %n {dims=[], shape=[6000]}
  %b: f32[750,64] = constant {dtype=f32, shape=[750,64], value=0.0}
  %s: f32[750,64] = scatter_add %b, %r, %t {axis=0}
  %y: f32[1,64] = slice %s {limit=[1,64], start=[0,0], stride=[1,1]}
  return %y)";
  expect_all(over_rows("6000", "64", sorted), 6000);
}

TEST(VulkanLimits, TheGreatestOfMoreThanALoopLooksAt) {
  expect_same_as_cpu(R"(func @f(%x: f32[2,3000]) {
  %0: f32[2,40], %1: i32[2,40] = top_k %x {k=40}
  %2: f32[2,700], %3: i32[2,700] = top_k %x {k=700}
  return %0, %1, %2, %3
})");
}

// The remainder and the power have no loops of their own, which would count among those of the sum.
TEST(VulkanLimits, RemaindersAndPowersInLongSums) {
  expect_same_as_cpu(R"(func @f(%x: f32[9000,3], %i: i32[9000,3]) {
  %c: f32[9000,3] = constant {dtype=f32, shape=[9000,3], value=1e-30}
  %0: f32[9000,3] = rem %x, %c
  %m: f32[9000,3] = constant {dtype=f32, shape=[9000,3], value=1e+30}
  %1: f32[9000,3] = mul %0, %m
  %2: f32[3] = reduce_sum %1 {axes=[0]}
  %e: i32[9000,3] = constant {dtype=i32, shape=[9000,3], value=31}
  %3: i32[9000,3] = pow %i, %e
  %4: i32[3] = reduce_sum %3 {axes=[0]}
  return %2, %4
})",
                     1e-5);
}

std::unique_ptr<backends::Device> with_four_buffers() {
  return on_vulkan_as(
      [](GpuAbilities& abilities) { abilities.limits.maxPerStageDescriptorStorageBuffers = 4; });
}

// Two layers trained with gradients clipped by their norm, dropout, an embedding whose indices are checked.
constexpr const char* kTraining = R"(state @t: f32[9,6]
state @w1: f32[6,8]
state @b1: f32[8]
state @w2: f32[8,4]
state @m1: f32[6,8]

func @f(%i: i32[5], %labels: i32[5]) {
  %t: f32[9,6] = read {state="t"}
  %w1: f32[6,8] = read {state="w1"}
  %b1: f32[8] = read {state="b1"}
  %w2: f32[8,4] = read {state="w2"}
  %m1: f32[6,8] = read {state="m1"}
  %0: f32[5,6] = gather %t, %i {axis=0}
  %1: f32[5,8] = contract %0, %w1 {dims="ik,kj->ij"}
  %2: f32[5,8] = broadcast %b1 {dims=[1], shape=[5,8]}
  %3: f32[5,8] = add %1, %2
  %4: f32[5,8] = tanh %3
  %5: f32[5,8] = dropout %4 {key=9, rate=0.25}
  %6: f32[5,4] = contract %5, %w2 {dims="ik,kj->ij"}
  %7: f32[] = cross_entropy %6, %labels
  %8: f32[9,6], %9: f32[6,8], %10: f32[8], %11: f32[8,4] = grad %7, %t, %w1, %b1, %w2
  %12: f32[9,6] = mul %8, %8
  %13: f32[6,8] = mul %9, %9
  %14: f32[8,4] = mul %11, %11
  %15: f32[] = reduce_sum %12 {axes=[0,1]}
  %16: f32[] = reduce_sum %13 {axes=[0,1]}
  %17: f32[] = reduce_sum %14 {axes=[0,1]}
  %18: f32[] = add %15, %16
  %19: f32[] = add %18, %17
  %20: f32[] = sqrt %19
  %21: f32[9,6] = broadcast %20 {dims=[], shape=[9,6]}
  %22: f32[6,8] = broadcast %20 {dims=[], shape=[6,8]}
  %23: f32[8] = broadcast %20 {dims=[], shape=[8]}
  %24: f32[8,4] = broadcast %20 {dims=[], shape=[8,4]}
  %25: f32[9,6] = div %8, %21
  %26: f32[6,8] = div %9, %22
  %27: f32[8] = div %10, %23
  %28: f32[8,4] = div %11, %24
  %29: f32[6,8] = add %m1, %26
  %30: f32[9,6] = sub %t, %25
  %31: f32[6,8] = sub %w1, %29
  %32: f32[8] = sub %b1, %27
  %33: f32[8,4] = sub %w2, %28
  write %30 {state="t"}
  write %31 {state="w1"}
  write %32 {state="b1"}
  write %33 {state="w2"}
  write %29 {state="m1"}
  return loss=%7
}
)";

void initialize(Compiled& program) {
  for (const char* name : {"t", "w1", "b1", "w2", "m1"}) {
    HostTensor value = program.state().get(name);
    for (size_t i = 0; i < static_cast<size_t>(value.size()); ++i)
      elements<float>(value)[i] = 0.05f * static_cast<float>(static_cast<int>(i * 7 % 11) - 5);
    program.state().set(name, value);
  }
}

TEST(VulkanLimits, FourBuffersAreEnoughToTrain) {
  Compiled cpu(kTraining, on_cpu()), gpu(kTraining, with_four_buffers());
  initialize(cpu);
  initialize(gpu);
  for (uint32_t step = 0; step < 4; ++step) {
    cpu.run(step);
    gpu.run(step);
    EXPECT_NEAR(gpu.outputs()[0].values<float>()[0], cpu.outputs()[0].values<float>()[0], 1e-5);
  }
  for (const char* name : {"t", "w1", "b1", "w2", "m1"})
    expect_close(gpu.state().get(name), cpu.state().get(name), 1e-5);
}

TEST(VulkanLimits, FourBuffersTellOfAnIndexBeyondItsTable) {
  Compiled gpu(kTraining, with_four_buffers());
  initialize(gpu);
  const HostTensor before = gpu.state().get("w1");
  elements<int32_t>(gpu.input(0))[3] = 9;
  EXPECT_EQ(message_of([&] { gpu.run(); }), "gather: index 9 at position [3] of 'i' is outside [0,9)");
  expect_close(gpu.state().get("w1"), before, 0);
}

}  // namespace
}  // namespace sinter::vulkan::test
