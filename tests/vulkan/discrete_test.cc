#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "runtime/error.h"
#include "tests/vulkan/harness.h"

// The shaders that a discrete GPU gets, run by the device at hand, which is told to pass for one: at sizes
// with edges, against the CPU.
namespace sinter::vulkan::test {
namespace {

void expect_same(const std::string& text, double tolerance = 1e-5) {
  SCOPED_TRACE(text);
  expect_same_as_cpu(text, tolerance, on_vulkan_as(discrete));
}

std::string shape(int64_t a, int64_t b) {
  return "f32[" + std::to_string(a) + "," + std::to_string(b) + "]";
}

// x [m, k] or [k, m] times w [k, n] or [n, k].
std::string product(int64_t m, int64_t n, int64_t k, bool turns_x = false, bool turns_w = false) {
  const std::string dims = std::string(turns_x ? "ki" : "ik") + "," + (turns_w ? "jk" : "kj") + "->ij";
  return "func @f(%x: " + (turns_x ? shape(k, m) : shape(m, k)) +
         ", %w: " + (turns_w ? shape(n, k) : shape(k, n)) + ") {\n  %0: " + shape(m, n) +
         " = contract %x, %w {dims=\"" + dims + "\"}\n  return %0\n}\n";
}

TEST(DiscreteProducts, OfEverySizeAndOrder) {
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{{128, 128, 64},
                                                                   {256, 512, 40},
                                                                   {130, 260, 36},
                                                                   {129, 67, 33},
                                                                   {64, 64, 16},
                                                                   {61, 100, 18},
                                                                   {40, 17, 130}})
    for (const bool turns_x : {false, true})
      for (const bool turns_w : {false, true}) expect_same(product(m, n, k, turns_x, turns_w));
}

TEST(DiscreteProducts, OfBatchesWithWorkBeforeAndBehind) {
  expect_same(R"(func @f(%x: f32[3,70,24], %w: f32[3,24,36], %b: f32[36], %r: f32[3,70,36]) {
  %0: f32[3,70,24] = tanh %x
  %1: f32[3,70,36] = contract %0, %w {dims="bik,bkj->bij"}
  %2: f32[3,70,36] = broadcast %b {shape=[3,70,36], dims=[2]}
  %3: f32[3,70,36] = add %1, %2
  %4: f32[3,70,36] = exp %3
  %5: f32[3,70,36] = add %4, %r
  return %4, %5
})");
  expect_same(R"(func @f(%x: f32[2,3,33,40], %y: f32[2,70,3,40]) {
  %0: f32[2,33,3,70] = contract %x, %y {dims="bhqw,bkhw->bqhk"}
  return %0
})");
}

TEST(DiscreteProducts, OfWhatIsGatheredPaddedAndJoined) {
  expect_same(R"(func @f(%t: f32[3,48], %at: i32[90], %w: f32[48,68]) {
  %0: f32[90,48] = gather %t, %at {axis=0}
  %1: f32[90,68] = contract %0, %w {dims="ik,kj->ij"}
  return %1
})");
  expect_same(R"(func @f(%x: f32[60,30], %y: f32[70,12], %w: f32[42,64]) {
  %0: f32[70,30] = pad %x {low=[3,0], high=[7,0], interior=[0,0], value=0.5}
  %1: f32[70,42] = concat %0, %y {axis=1}
  %2: f32[70,64] = contract %1, %w {dims="ik,kj->ij"}
  return %2
})");
}

TEST(DiscreteProducts, SideBySideAndInParts) {
  expect_same(
      R"(func @f(%x: f32[80,64], %a: f32[64,40], %b: f32[64,130], %c: f32[64,3], %y: f32[2048,80], %z: f32[2048,20]) {
  %0: f32[80,40] = contract %x, %a {dims="ik,kj->ij"}
  %1: f32[80,130] = contract %x, %b {dims="ik,kj->ij"}
  %2: f32[80,3] = contract %x, %c {dims="ik,kj->ij"}
  %3: f32[80,20] = contract %y, %z {dims="ki,kj->ij"}
  %4: f32[64] = reduce_sum %x {axes=[0]}
  return %0, %1, %2, %3, %4
})");
}

TEST(DiscreteRows, OfEveryLength) {
  for (const int64_t length : {64, 99, 128, 200, 203, 384, 1000, 1024, 1500, 4100, 20000}) {
    const std::string row = "f32[" + std::to_string(length) + "]", rows = shape(3, length);
    expect_same("func @f(%x: " + rows + ", %s: " + row + ", %b: " + row + ") {\n  %0: " + rows +
                " = softmax %x {axis=1}\n  %1: " + rows +
                " = layer_norm %x, %s, %b {epsilon=1e-05}\n  %2: f32[3] = reduce_max %x {axes=[1]}\n  %3: " +
                rows + " = abs %x\n  %4: f32[] = reduce_sum %3 {axes=[0,1]}\n  return %0, %1, %2, %4\n}\n");
  }
}

TEST(DiscreteRows, OfWhatIsPaddedTurnedAndOfSeveralAxes) {
  expect_same(R"(func @f(%x: f32[5,200], %y: f32[256,6], %z: f32[4,16,20]) {
  %0: f32[5,256] = pad %x {low=[0,0], high=[0,56], interior=[0,0], value=0.5}
  %1: f32[5,256] = softmax %0 {axis=1}
  %2: f32[6,256] = transpose %y {permutation=[1,0]}
  %3: f32[6,256] = softmax %2 {axis=1}
  %4: f32[4] = reduce_sum %z {axes=[1,2]}
  %5: f32[4,16,20] = exp %z
  %6: f32[4] = reduce_max %5 {axes=[1,2]}
  return %1, %3, %4, %6
})");
}

TEST(DiscreteColumns, OfEveryExtent) {
  for (const auto& [rows, columns] :
       std::vector<std::array<int64_t, 2>>{{64, 4}, {100, 5}, {320, 64}, {333, 68}, {2000, 37}, {700, 200}}) {
    const std::string text = shape(rows, columns), row = "f32[" + std::to_string(columns) + "]";
    expect_same("func @f(%x: " + text + ", %y: " + text + ", %b: " + row + ") {\n  %0: " + text +
                " = mul %x, %y\n  %1: " + row + " = reduce_sum %0 {axes=[0]}\n  %2: " + row +
                " = add %1, %b\n  %3: " + row + " = reduce_max %x {axes=[0]}\n  return %1, %2, %3\n}\n");
  }
  expect_same(R"(func @f(%x: f32[3,200,24], %y: f32[3,5,70,6]) {
  %0: f32[3,24] = reduce_sum %x {axes=[1]}
  %1: f32[5,6] = reduce_sum %y {axes=[0,2]}
  return %0, %1
})");
}

TEST(DiscreteReductions, InPartsBesideWhatTheyShareALaunchWith) {
  expect_same(
      R"(func @f(%x: f32[4096,40], %y: f32[3,20000], %z: f32[300,1001], %w: f32[5,2000,12], %a: f32[40,36], %b: f32[40]) {
  %0: f32[40] = reduce_sum %x {axes=[0]}
  %1: f32[40] = mul %0, %b
  %2: f32[3] = reduce_max %y {axes=[1]}
  %3: f32[] = reduce_sum %z {axes=[0,1]}
  %4: f32[5,12] = reduce_min %w {axes=[1]}
  %5: f32[4096,36] = contract %x, %a {dims="ik,kj->ij"}
  %6: f32[12] = reduce_sum %w {axes=[0,1]}
  %7: f32[2000] = reduce_sum %w {axes=[0,2]}
  return %1, %2, %3, %4, %5, %6, %7
})");
}

// Labels that are checked, a step that is counted, moments: what is written stands side by side.
constexpr const char* kTraining = R"(state @w: f32[40,24]
state @b: f32[24]
state @m: f32[40,24]
state @n: f32[24]
state @step: i32[]

func @f(%x: f32[600,40], %labels: i32[600]) {
  %0: f32[40,24] = read {state="w"}
  %1: f32[24] = read {state="b"}
  %2: f32[600,24] = contract %x, %0 {dims="ik,kj->ij"}
  %3: f32[600,24] = broadcast %1 {dims=[1], shape=[600,24]}
  %4: f32[600,24] = add %2, %3
  %5: f32[] = cross_entropy %4, %labels
  %6: f32[40,24], %7: f32[24] = grad %5, %0, %1
  %8: i32[] = read {state="step"}
  %9: i32[] = constant {dtype=i32, shape=[], value=1}
  %10: i32[] = add %8, %9
  %11: f32[] = cast %10 {dtype=f32}
  %12: f32[] = sqrt %11
  %13: f32[40,24] = read {state="m"}
  %14: f32[24] = read {state="n"}
  %15: f32[40,24] = broadcast %12 {dims=[], shape=[40,24]}
  %16: f32[24] = broadcast %12 {dims=[], shape=[24]}
  %17: f32[40,24] = add %13, %6
  %18: f32[24] = add %14, %7
  %19: f32[40,24] = div %17, %15
  %20: f32[24] = div %18, %16
  %21: f32[40,24] = sub %0, %19
  %22: f32[24] = sub %1, %20
  write %10 {state="step"}
  write %17 {state="m"}
  write %18 {state="n"}
  write %21 {state="w"}
  write %22 {state="b"}
  return loss=%5
}
)";

TEST(DiscreteSteps, TrainAsTheCpuDoesAndChangeNothingWhereACheckFails) {
  Compiled cpu(kTraining, on_cpu()), gpu(kTraining, on_vulkan_as(discrete));
  const auto expect_same_state = [&] {
    for (const char* name : {"w", "b", "m", "n", "step"}) {
      SCOPED_TRACE(name);
      expect_close(gpu.state().get(name), cpu.state().get(name), 1e-5);
    }
  };
  for (uint32_t step = 0; step < 4; ++step) {
    for (Compiled* model : {&cpu, &gpu}) model->run(step);
    expect_close(gpu.outputs()[0], cpu.outputs()[0], 1e-5);
    expect_same_state();
  }
  elements<int32_t>(gpu.input(1))[577] = 24;
  EXPECT_THROW(gpu.run(4), RuntimeError);
  expect_same_state();
}

// Queries, keys, elements of their lines and of values.
struct Heads {
  int64_t queries, keys, width, values;
};

std::string attention(const Heads& h, bool causal) {
  return fmt::format(
      R"(func @f(%q: f32[2,1,{0},{2}], %k: f32[2,1,{1},{2}], %v: f32[2,1,{1},{3}], %d: f32[2,1,{0},{3}]) {{
  %0: f32[2,1,{0},{3}] = attention %q, %k, %v {{scale=0.3, causal={4}}}
  %1: f32[2,1,{0},{3}] = mul %0, %d
  %2: f32[] = reduce_sum %1 {{axes=[0,1,2,3]}}
  %3: f32[2,1,{0},{2}], %4: f32[2,1,{1},{2}], %5: f32[2,1,{1},{3}] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
}})",
      h.queries, h.keys, h.width, h.values, causal);
}

TEST(DiscreteAttention, OfEverySize) {
  for (const Heads& heads : {Heads{2, 70, 5, 3}, Heads{36, 33, 8, 10}}) expect_same(attention(heads, false));
  expect_same(attention({33, 20, 7, 4}, true));
}

// Lines in memory and in shared memory, at once and in turn, and teams that are in a subgroup of 8.
TEST(DiscreteAttention, WithGridsOfEveryKind) {
  const std::string text = attention({37, 45, 8, 12}, true);
  Compiled cpu(text, on_cpu());
  cpu.run();
  const loop::Target target = on_vulkan_as(discrete)->target();
  for (const std::string grid :
       {"lanes=64 team=8 rows=2 columns=4 stage_rows stage_all fetch_ahead",
        "lanes=32 team=8 rows=1 columns=2 fetch_ahead", "lanes=32 team=8 rows=4 columns=4 stage_rows",
        "lanes=32 team=4 rows=2 columns=2 stage_rows stage_all fetch_ahead subgroups",
        "lanes=64 team=4 rows=2 columns=2 stage_all subgroups"}) {
    if (grid.ends_with("subgroups") && !(target.subgroup_arithmetic && target.subgroup_size % 8 == 0))
      continue;
    SCOPED_TRACE(grid);
    graph::Module module = passes::to_kernels(graph::parse(text, "test.sg"), "f", target, {});
    for (const auto& op : module.find_function("f")->ops()) {
      const std::string anchor = op->code == graph::OpCode::kernel ? op->attributes.text("anchor") : "";
      if (anchor.starts_with("attention")) op->attributes.set("choice", anchor + ".workgroups " + grid);
    }
    Compiled gpu(graph::print(module), on_vulkan_as(discrete));
    gpu.run();
    for (size_t i = 0; i < cpu.outputs().size(); ++i) expect_close(gpu.outputs()[i], cpu.outputs()[i], 1e-5);
  }
}

TEST(DiscreteAttention, OfHeadsTooWideForWorkgroups) {
  expect_same(attention({3, 20, 1600, 4}, false));
}

// A bias with a gradient, of each score and of each key, and no axis of queries.
TEST(DiscreteAttention, OfWhatScoresReadAndOfOneQuery) {
  expect_same(R"(func @f(%q: f32[2,37,6], %k: f32[2,45,6], %v: f32[2,45,8], %b: f32[37,45], %c: f32[45]) {
  %0: f32[2,37,45] = contract %q, %k {dims="bqw,bkw->bqk"}
  %1: f32[2,37,45] = broadcast %b {shape=[2,37,45], dims=[1,2]}
  %2: f32[2,37,45] = broadcast %c {shape=[2,37,45], dims=[2]}
  %3: f32[2,37,45] = add %0, %1
  %4: f32[2,37,45] = mul %3, %2
  %5: f32[2,37,45] = softmax %4 {axis=2}
  %6: f32[2,37,8] = contract %5, %v {dims="bqk,bku->bqu"}
  %7: f32[2,37,8] = tanh %6
  %8: f32[] = reduce_sum %7 {axes=[0,1,2]}
  %9: f32[2,37,6], %10: f32[37,45], %11: f32[45] = grad %8, %q, %b, %c
  return %6, %9, %10, %11
})");
  expect_same(R"(func @f(%q: f32[3,6], %k: f32[3,90,6], %v: f32[3,90,5]) {
  %0: f32[3,90] = contract %q, %k {dims="bw,bkw->bk"}
  %1: f32[3,90] = softmax %0 {axis=1}
  %2: f32[3,5] = contract %1, %v {dims="bk,bku->bu"}
  %3: f32[3,5] = tanh %2
  %4: f32[] = reduce_sum %3 {axes=[0,1]}
  %5: f32[3,6], %6: f32[3,90,6], %7: f32[3,90,5] = grad %4, %q, %k, %v
  return %2, %5, %6, %7
})");
}

TEST(DiscreteProducts, OfLongSumsWithFewResults) {
  expect_same(product(64, 5, 320, true));
  expect_same(product(7, 9, 1000));
}

TEST(DiscreteMaps, OfWideIndices) {
  expect_same(R"(func @f(%t: f32[12], %i: i64[8]) {
  %0: i64[] = constant {dtype=i64, shape=[], value=4}
  %1: i64[8] = broadcast %0 {dims=[], shape=[8]}
  %2: i64[8] = mul %i, %1
  %3: i64[8] = add %2, %i
  %4: f32[8] = gather %t, %2 {axis=0}
  return %2, %3, %4
})");
}

TEST(DiscreteMaps, OfEveryLength) {
  for (const auto& [rows, columns] :
       std::vector<std::array<int64_t, 2>>{{7, 9}, {40, 128}, {33, 1023}, {64, 1000}}) {
    const std::string text = shape(rows, columns), row = "f32[" + std::to_string(columns) + "]";
    expect_same("func @f(%x: " + text + ", %y: " + text + ", %r: " + row + ") {\n  %0: " + text +
                " = mul %x, %y\n  %1: " + text + " = broadcast %r {shape=" + text.substr(3) +
                ", dims=[1]}\n  %2: " + text + " = add %0, %1\n  return %0, %2\n}\n");
  }
}

}  // namespace
}  // namespace sinter::vulkan::test
