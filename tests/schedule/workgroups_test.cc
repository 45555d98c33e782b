#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "backends/reference/interpreter.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "runtime/tensor.h"
#include "tests/support/interpret.h"

// Schedules for workgroups on machines with different limits, in the interpreter, which watches barriers,
// bounds and races, against the reference.
namespace sinter::test {
namespace {

using loop::Target;
using runtime::HostTensor;

Target machine(int64_t subgroup, int64_t invocations, int64_t shared_kib) {
  Target target;
  target.kind = Target::Kind::gpu;
  target.unit_vectors = 1;
  target.local_bytes = 1024;
  target.has_fma = false;
  target.exact_division = false;
  target.subgroup_size = subgroup;
  target.shared_bytes = shared_kib << 10;
  target.max_workgroup_size = invocations;
  target.max_workgroups = 65535;
  return target;
}

std::vector<Target> workgroup_machines() {
  return {machine(32, 1024, 48), machine(8, 64, 16), machine(128, 1024, 32), machine(1, 32, 16)};
}

// A driver that computes on a processor: shared memory is as slow as the rest.
Target processor(int64_t subgroup) {
  Target target = machine(subgroup, 1024, 32);
  target.kind = Target::Kind::gpu_on_cpu;
  target.unit_vectors = 4;
  return target;
}

int64_t bytes_shared(const loop::Stmt& stmt, std::vector<const loop::Buffer*>& seen) {
  int64_t bytes = 0;
  const bool counts = stmt->kind == loop::StmtNode::Kind::allocate &&
                      stmt->buffer->space == loop::Space::shared &&
                      std::find(seen.begin(), seen.end(), stmt->buffer.get()) == seen.end();
  if (counts) {
    seen.push_back(stmt->buffer.get());
    bytes += stmt->buffer->size * loop::size_in_bytes(stmt->buffer->type);
  }
  for (const loop::Stmt& child : stmt->body) bytes += bytes_shared(child, seen);
  return bytes;
}

int64_t most_lanes(const loop::Stmt& stmt) {
  int64_t lanes = stmt->kind == loop::StmtNode::Kind::loop && stmt->loop_kind == loop::LoopKind::lane
                      ? *loop::as_integer(stmt->extent)
                      : 1;
  for (const loop::Stmt& child : stmt->body) lanes = std::max(lanes, most_lanes(child));
  return lanes;
}

// How many kernels stage something in shared memory.
int check(const std::string& text, const Target& target, double tolerance = 2e-5) {
  const graph::Module module = graph::parse(text, "test.sg");
  graph::Module expanded = graph::clone(module);
  passes::differentiate(expanded, {});
  const graph::Function& function = *expanded.find_function("f");
  std::mt19937 random(3);
  std::uniform_real_distribution<float> number(-1, 1);
  std::vector<HostTensor> inputs;
  for (graph::Op* parameter : function.parameters()) {
    const graph::TensorType& type = parameter->results[0];
    inputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
    std::generate_n(inputs.back().data<float>(), inputs.back().size(), [&] { return number(random); });
  }
  const loop::Program program = passes::lower(module, "f", target, {.verify = true});
  int staged = 0;
  for (const loop::Kernel& kernel : program.kernels) {
    loop::verify(kernel);
    std::vector<const loop::Buffer*> seen;
    int64_t bytes = 0;
    for (const loop::Stmt& part : kernel.parts) bytes += bytes_shared(part, seen);
    EXPECT_LE(bytes, target.shared_bytes) << kernel.name;
    for (const loop::Stmt& part : kernel.parts)
      EXPECT_LE(most_lanes(part), target.max_workgroup_size) << kernel.name;
    staged += bytes > 0 ? 1 : 0;
  }
  const auto outputs = interpret(program, inputs);
  const auto expected = reference::evaluate(expanded, function, inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    double worst = 0, largest = 1;
    for (size_t j = 0; j < expected[i].values<float>().size(); ++j) {
      const double want = expected[i].values<float>()[j], got = outputs[i].values<float>()[j];
      largest = std::max(largest, std::abs(want));
      worst = std::max(worst, std::isnan(got) ? INFINITY : std::abs(want - got));
    }
    EXPECT_LE(worst, tolerance * largest) << "output " << i;
  }
  return staged;
}

TEST(Workgroups, StageTheOperandsOfContractions) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_EQ(check(R"(func @f(%x: f32[70,33], %w: f32[33,50], %b: f32[50]) {
  %0: f32[70,33] = exp %x
  %1: f32[70,50] = contract %0, %w {dims="ik,kj->ij"}
  %2: f32[70,50] = broadcast %b {shape=[70,50], dims=[1]}
  %3: f32[70,50] = add %1, %2
  %4: f32[70,50] = tanh %3
  return %4
})",
                    target),
              1);
  }
}

TEST(Workgroups, StageTransposedAndBatchedOperands) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_EQ(check(R"(func @f(%x: f32[2,3,17,40], %y: f32[2,21,3,40]) {
  %0: f32[2,3,17,21] = contract %x, %y {dims="bhqw,bkhw->bhqk"}
  return %0
})",
                    target),
              1);
  }
}

TEST(Workgroups, LeaveShortSumsToOneInvocationATile) {
  EXPECT_EQ(check(R"(func @f(%x: f32[80,13], %w: f32[13,50]) {
  %0: f32[80,50] = contract %x, %w {dims="ik,kj->ij"}
  return %0
})",
                  machine(32, 1024, 48)),
            0);
}

TEST(Workgroups, CutChunksIntoSlicesWhereResultsAreFew) {
  for (const Target& target : workgroup_machines()) {
    for (const auto& [m, k, n] :
         std::vector<std::array<int64_t, 3>>{{10, 64, 5}, {7, 130, 64}, {1, 300, 40}, {37, 33, 1}}) {
      EXPECT_EQ(check(fmt::format(R"(func @f(%x: f32[{0},{1}], %w: f32[{1},{2}], %b: f32[{2}]) {{
  %0: f32[{0},{2}] = contract %x, %w {{dims="ik,kj->ij"}}
  %1: f32[{0},{2}] = broadcast %b {{shape=[{0},{2}], dims=[1]}}
  %2: f32[{0},{2}] = add %0, %1
  %3: f32[{0},{2}] = tanh %2
  return %2, %3
}})",
                                  m, k, n),
                      target),
                1);
    }
  }
}

TEST(Workgroups, MakeOneResultOfEachBatch) {
  for (const Target& target : workgroup_machines()) {
    check(R"(func @f(%x: f32[3,1,20], %y: f32[3,1,20]) {
  %0: f32[3,1,1] = contract %x, %y {dims="hqw,hkw->hqk"}
  %1: f32[3,1,1] = exp %0
  return %0, %1
})",
          target);
  }
}

TEST(Workgroups, RunContractionsAndSumsSideBySide) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_EQ(check(R"(func @f(%x: f32[40,24], %a: f32[24,20], %b: f32[24,36], %c: f32[24,3]) {
  %0: f32[40,20] = contract %x, %a {dims="ik,kj->ij"}
  %1: f32[40,36] = contract %x, %b {dims="ik,kj->ij"}
  %2: f32[40,3] = contract %x, %c {dims="ik,kj->ij"}
  return %0, %1, %2
})",
                    target),
              1);
  }
}

TEST(Workgroups, CutLongSumsWithSmallResults) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_EQ(check(R"(func @f(%x: f32[2,514,20], %y: f32[2,514,18], %b: f32[20,18]) {
  %0: f32[20,18] = contract %x, %y {dims="bki,bkj->ij"}
  %1: f32[20,18] = add %0, %b
  return %1
})",
                    target),
              1);
  }
}

TEST(Workgroups, CutReductionsToFewResults) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_GE(
        check(
            R"(func @f(%x: f32[2048,16], %y: f32[40,1000], %z: f32[2,900,8], %w: f32[3,12000], %b: f32[16]) {
  %0: f32[16] = reduce_sum %x {axes=[0]}
  %1: f32[16] = mul %0, %b
  %2: f32[] = reduce_max %y {axes=[0,1]}
  %3: f32[2,8] = reduce_sum %z {axes=[1]}
  %4: f32[3] = reduce_min %w {axes=[1]}
  %5: f32[40,1000] = exp %y
  %6: f32[] = reduce_sum %5 {axes=[0,1]}
  return %1, %2, %3, %4, %6
})",
            target),
        2);
  }
}

TEST(Workgroups, ReduceLongRowsTogether) {
  for (const Target& target : workgroup_machines()) {
    EXPECT_GE(check(R"(func @f(%x: f32[5,203], %s: f32[203], %b: f32[203]) {
  %0: f32[5,203] = softmax %x {axis=1}
  %1: f32[5,203] = layer_norm %x, %s, %b {epsilon=1e-05}
  %2: f32[5] = reduce_max %x {axes=[1]}
  %3: f32[] = reduce_sum %x {axes=[0,1]}
  return %0, %1, %2, %3
})",
                    target),
              1);
  }
  for (Target target :
       {machine(1, 1024, 48), machine(4, 64, 16), machine(32, 1024, 48), machine(128, 1024, 48)}) {
    target.subgroup_arithmetic = true;
    EXPECT_GE(check(R"(func @f(%x: f32[5,203], %s: f32[203], %b: f32[203]) {
  %0: f32[5,203] = softmax %x {axis=1}
  %1: f32[5,203] = layer_norm %x, %s, %b {epsilon=1e-05}
  %2: f32[] = reduce_sum %x {axes=[0,1]}
  return %0, %1, %2
})",
                    target),
              1);
  }
  EXPECT_EQ(check(R"(func @f(%x: f32[300,40]) {
  %0: f32[300,40] = softmax %x {axis=1}
  return %0
})",
                  machine(32, 1024, 48)),
            0);
}

TEST(Workgroups, SumLongColumnsTogether) {
  std::vector<Target> all = workgroup_machines();
  for (Target& target : all) target.unit_vectors = 4;
  for (const Target& target : all) {
    EXPECT_EQ(check(R"(func @f(%x: f32[130,36], %y: f32[3,70,5], %b: f32[36]) {
  %0: f32[36] = reduce_sum %x {axes=[0]}
  %1: f32[36] = add %0, %b
  %2: f32[3,5] = reduce_max %y {axes=[1]}
  return %1, %2
})",
                    target),
              1);
  }
}

TEST(Workgroups, ComputeAttentionWithinTheirLimits) {
  for (const Target& target : workgroup_machines()) {
    for (const int64_t values : {66, 1}) {
      for (const bool causal : {false, true}) {
        const std::string text = fmt::format(
            R"(func @f(%q: f32[1,2,35,20], %k: f32[1,2,70,20], %v: f32[1,2,70,{0}], %d: f32[1,2,35,{0}]) {{
  %0: f32[1,2,35,{0}] = attention %q, %k, %v {{bias=false, causal={1}, lengths=false, mask=false, scale=0.35}}
  %1: f32[1,2,35,{0}] = mul %0, %d
  %2: f32[] = reduce_sum %1 {{axes=[0,1,2,3]}}
  %3: f32[1,2,35,20], %4: f32[1,2,70,20], %5: f32[1,2,70,{0}] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
}})",
            values, causal);
        EXPECT_EQ(check(text, target), 2);
      }
    }
  }
}

// Heads that share keys and values, and a query that all of a batch has in common.
const char* attention_of_rows(bool causal) {
  return causal ? R"(func @f(%q: f32[2,3,9,4], %k: f32[5,2,13,4], %v: f32[5,2,13,6], %d: f32[5,2,3,9,6]) {
  %0: f32[5,2,3,9,13] = contract %q, %k {dims="ghqw,bgkw->bghqk"}
  %1: i32[9,13] = iota {axis=0, dtype=i32, shape=[9,13]}
  %2: i32[9,13] = iota {axis=1, dtype=i32, shape=[9,13]}
  %3: i32[9,13] = constant {dtype=i32, shape=[9,13], value=-2}
  %4: i32[9,13] = add %1, %3
  %5: bool[9,13] = less_equal %2, %4
  %6: bool[5,2,3,9,13] = broadcast %5 {shape=[5,2,3,9,13], dims=[3,4]}
  %7: f32[5,2,3,9,13] = constant {dtype=f32, shape=[5,2,3,9,13], value=-inf}
  %8: f32[5,2,3,9,13] = select %6, %0, %7
  %9: f32[5,2,3,9,13] = softmax %8 {axis=4}
  %10: f32[5,2,3,9,6] = contract %9, %v {dims="bghqk,bgku->bghqu"}
  %11: f32[5,2,3,9,6] = mul %10, %d
  %12: f32[] = reduce_sum %11 {axes=[0,1,2,3,4]}
  %13: f32[2,3,9,4], %14: f32[5,2,13,4], %15: f32[5,2,13,6] = grad %12, %q, %k, %v
  return %10, %13, %14, %15
})"
                : R"(func @f(%q: f32[2,3,9,4], %k: f32[5,2,13,4], %v: f32[5,2,13,6], %d: f32[5,2,3,9,6]) {
  %0: f32[5,2,3,9,13] = contract %q, %k {dims="ghqw,bgkw->bghqk"}
  %1: f32[5,2,3,9,13] = tanh %0
  %2: f32[5,2,3,9,13] = softmax %1 {axis=4}
  %3: f32[5,2,3,9,6] = contract %2, %v {dims="bghqk,bgku->bghqu"}
  %4: f32[5,2,3,9,6] = mul %3, %d
  %5: f32[] = reduce_sum %4 {axes=[0,1,2,3,4]}
  %6: f32[2,3,9,4], %7: f32[5,2,13,4], %8: f32[5,2,13,6] = grad %5, %q, %k, %v
  return %3, %6, %7, %8
})";
}

TEST(Workgroups, ComputeAttentionByRowsWhereKeysAreFew) {
  for (const Target& target : workgroup_machines()) {
    for (const bool causal : {false, true}) EXPECT_EQ(check(attention_of_rows(causal), target), 0);
  }
}

TEST(Workgroups, ComputeAttentionByRowsWhereSharedMemoryIsSlow) {
  for (const Target& target : {processor(8), processor(4), processor(1)}) {
    for (const bool causal : {false, true}) EXPECT_EQ(check(attention_of_rows(causal), target), 0);
    for (const char* causal : {"false", "true"}) {
      EXPECT_EQ(
          check(R"(func @f(%q: f32[2,2,11,20], %k: f32[2,2,30,20], %v: f32[2,2,30,9], %d: f32[2,2,11,9]) {
  %0: f32[2,2,11,9] = attention %q, %k, %v {bias=false, causal=)" +
                    std::string(causal) + R"(, lengths=false, mask=false, scale=0.35}
  %1: f32[2,2,11,9] = mul %0, %d
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[2,2,11,20], %4: f32[2,2,30,20], %5: f32[2,2,30,9] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
})",
                target),
          0);
    }
  }
}

// Into a table that is large beside the positions, which are sorted, and into a small one; with work behind
// it.
TEST(Workgroups, ScatterIntoRowsThatManyPositionsShare) {
  std::vector<Target> all = workgroup_machines();
  for (const int64_t subgroup : {8, 1}) all.push_back(processor(subgroup));
  for (const Target& target : all) {
    for (const char* rows : {"7", "70"}) {
      const std::string table = "f32[2," + std::string(rows) + ",12]";
      check("func @f(%x: f32[6,4], %t: " + table + R"(, %u: f32[2,6,4,12]) {
  %0: f32[6,4] = abs %x
  %1: f32[6,4] = constant {dtype=f32, shape=[6,4], value=6.9}
  %2: f32[6,4] = mul %0, %1
  %3: i32[6,4] = cast %2 {dtype=i32}
  %4: )" + table +
                R"( = scatter_add %t, %3, %u {axis=1}
  %5: )" + table +
                R"( = mul %4, %t
  return %4, %5
})",
            target);
    }
  }
}

// Of a bias that is broadcast over some axes, every sum that is left.
TEST(Workgroups, AddUpTheGradientOfABias) {
  for (const char* shape : {"2,3,9,7", "3,9,7", "9,7", "7", "9,1", "3,1,1", "2,1,1,7"}) {
    SCOPED_TRACE(shape);
    const std::string bias = "f32[" + std::string(shape) + "]";
    const auto rank = std::count(shape, shape + std::string(shape).size(), ',') + 1;
    std::string dims;
    for (int64_t i = 4 - rank; i < 4; ++i) dims += (dims.empty() ? "" : ",") + std::to_string(i);
    EXPECT_GE(check("func @f(%q: f32[2,3,9,4], %k: f32[2,3,7,4], %v: f32[2,3,7,5], %d: f32[2,3,9,5], %b: " +
                        bias + R"() {
  %0: f32[2,3,9,7] = contract %q, %k {dims="bhqw,bhkw->bhqk"}
  %1: f32[2,3,9,7] = broadcast %b {shape=[2,3,9,7], dims=[)" +
                        dims + R"(]}
  %2: f32[2,3,9,7] = add %0, %1
  %3: f32[2,3,9,7] = softmax %2 {axis=3}
  %4: f32[2,3,9,5] = contract %3, %v {dims="bhqk,bhku->bhqu"}
  %5: f32[2,3,9,5] = mul %4, %d
  %6: f32[] = reduce_sum %5 {axes=[0,1,2,3]}
  %7: f32[2,3,9,4], %8: )" +
                        bias + R"( = grad %6, %q, %b
  return %7, %8
})",
                    machine(8, 64, 16)),
              1);
  }
}

TEST(Workgroups, AddUpWhatAScoreReadsAtItsQueryAndAtItsKey) {
  EXPECT_GE(check(R"(func @f(%q: f32[2,9,4], %k: f32[2,9,4], %v: f32[2,9,5], %d: f32[2,9,5], %b: f32[9]) {
  %0: f32[2,9,9] = contract %q, %k {dims="bqw,bkw->bqk"}
  %1: f32[2,9,9] = broadcast %b {shape=[2,9,9], dims=[1]}
  %2: f32[2,9,9] = broadcast %b {shape=[2,9,9], dims=[2]}
  %3: f32[2,9,9] = mul %0, %1
  %4: f32[2,9,9] = add %3, %2
  %5: f32[2,9,9] = softmax %4 {axis=2}
  %6: f32[2,9,5] = contract %5, %v {dims="bqk,bku->bqu"}
  %7: f32[2,9,5] = mul %6, %d
  %8: f32[] = reduce_sum %7 {axes=[0,1,2]}
  %9: f32[9], %10: f32[2,9,4] = grad %8, %b, %q
  return %9, %10
})",
                  machine(8, 64, 16)),
            1);
}

}  // namespace
}  // namespace sinter::test
