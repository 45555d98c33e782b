#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/reference/interpreter.h"
#include "ir/graph/anchor.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "passes/schedule/attention/rows.h"
#include "passes/schedule/attention/score_grid.h"
#include "runtime/tensor.h"
#include "tests/support/interpret.h"

// Attention and its gradients by workgroups, with grids of scores of every kind, in the interpreter, which
// watches bounds, barriers and races, against the reference.
namespace sinter::test {
namespace {

using graph::DType;
using loop::Target;
using runtime::HostTensor;

Target machine(int64_t shared_bytes) {
  Target target;
  target.kind = Target::Kind::gpu;
  target.unit_vectors = 1;
  target.local_bytes = 2048;
  target.subgroup_size = 32;
  target.subgroup_arithmetic = true;
  target.shared_bytes = shared_bytes;
  target.max_workgroup_size = 64;
  target.max_workgroups = 65535;
  return target;
}

double at(const HostTensor& tensor, int64_t i) {
  return tensor.dtype() == runtime::DType::f64 ? tensor.data<double>()[i]
                                               : static_cast<double>(tensor.data<float>()[i]);
}

// What a grid may do: one row or column of a lane and several, one team and many, all lines in shared memory,
// those of columns in turn, and those of rows in memory; columns that are fetched ahead, teams that wait for
// one another alone.
constexpr const char* kGrids[] = {
    "lanes=32 team=8 rows=1 columns=1",
    "lanes=32 team=8 rows=2 columns=4 stage_rows",
    "lanes=16 team=4 rows=3 columns=1 stage_rows stage_all",
    "lanes=8 team=8 rows=2 columns=1 stage_all",
    "lanes=4 team=1 rows=2 columns=4 stage_rows stage_all",
    "lanes=32 team=4 rows=2 columns=2 stage_rows stage_all subgroups",
    "lanes=64 team=8 rows=1 columns=1 stage_rows stage_all fetch_ahead subgroups",
    "lanes=64 team=8 rows=3 columns=1 stage_all fetch_ahead",
    "lanes=64 team=8 rows=2 columns=1 fetch_ahead subgroups",
};

// Runs f, which has attention and its gradient, with each grid.
void check(const std::string& text) {
  SCOPED_TRACE(text);
  const graph::Module module = graph::parse(text, "test.sg");
  graph::Module expanded = graph::clone(module);
  passes::differentiate(expanded, {});
  const graph::Function& function = *expanded.find_function("f");
  std::mt19937 random(3);
  std::uniform_real_distribution<float> number(-1, 1);
  std::vector<HostTensor> inputs;
  for (const graph::Op* parameter : function.parameters()) {
    const graph::TensorType& type = parameter->results[0];
    HostTensor& input = inputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
    const auto make = [&] { return number(random); };
    if (type.dtype == DType::f64) {
      std::generate_n(input.data<double>(), input.size(), make);
    } else {
      std::generate_n(input.data<float>(), input.size(), make);
    }
  }
  const auto expected = reference::evaluate(expanded, function, inputs);
  const Target target = machine(48 << 10);
  const graph::Module chosen = passes::to_kernels(module, "f", target, {.verify = true});
  for (const char* grid : kGrids) {
    SCOPED_TRACE(grid);
    graph::Module copy = graph::clone(chosen);
    size_t count = 0;
    for (const auto& op : copy.find_function("f")->ops()) {
      for (const auto anchor : {graph::Anchor::attention, graph::Anchor::attention_backward}) {
        if (!is_kernel(*op, anchor)) continue;
        op->attributes.set("choice", op->attributes.text("anchor") + ".workgroups " + grid);
        ++count;
      }
    }
    EXPECT_GE(count, 2u);
    const auto outputs = interpret(passes::to_loops(std::move(copy), "f", target), inputs);
    ASSERT_EQ(outputs.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const double tolerance = expected[i].dtype() == runtime::DType::f64 ? 1e-12 : 1e-5;
      for (int64_t j = 0; j < expected[i].size(); ++j)
        ASSERT_NEAR(at(outputs[i], j), at(expected[i], j), tolerance) << i << " at " << j;
    }
  }
}

// Queries, keys, elements of their lines and of values.
struct Sizes {
  int64_t queries, keys, width, values;
};

std::string attention_of(const Sizes& s, bool causal, const char* type = "f32") {
  return fmt::format(
      R"(func @f(%q: {4}[2,1,{0},{2}], %k: {4}[2,1,{1},{2}], %v: {4}[2,1,{1},{3}], %d: {4}[2,1,{0},{3}]) {{
  %0: {4}[2,1,{0},{3}] = attention %q, %k, %v {{scale=0.7, causal={5}}}
  %1: {4}[2,1,{0},{3}] = mul %0, %d
  %2: {4}[] = reduce_sum %1 {{axes=[0,1,2,3]}}
  %3: {4}[2,1,{0},{2}], %4: {4}[2,1,{1},{2}], %5: {4}[2,1,{1},{3}] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
}})",
      s.queries, s.keys, s.width, s.values, type, causal);
}

TEST(AttentionWorkgroups, AreRightAtEverySize) {
  for (const Sizes& sizes : {Sizes{2, 37, 5, 3}, Sizes{17, 2, 4, 33}, Sizes{33, 9, 35, 2},
                             Sizes{16, 32, 8, 32}, Sizes{19, 21, 2, 36}})
    check(attention_of(sizes, false));
  check(attention_of({23, 35, 6, 7}, true));
  check(attention_of({35, 18, 6, 8}, true));
}

TEST(AttentionWorkgroups, AreRightOnWideNumbers) {
  for (const Sizes& sizes : {Sizes{13, 18, 6, 34}, Sizes{16, 9, 36, 4}})
    check(attention_of(sizes, true, "f64"));
}

// The first queries see no key, nor do the last; the others a window, whose ends no block has.
TEST(AttentionWorkgroups, GiveZerosWhereNoKeyIsSeen) {
  check(R"(func @f(%q: f32[2,29,5], %k: f32[2,18,5], %v: f32[2,18,6], %d: f32[2,29,6]) {
  %0: f32[2,29,18] = contract %q, %k {dims="bqw,bkw->bqk"}
  %1: i32[29,18] = iota {axis=0, dtype=i32, shape=[29,18]}
  %2: i32[29,18] = iota {axis=1, dtype=i32, shape=[29,18]}
  %3: i32[29,18] = constant {dtype=i32, shape=[29,18], value=-3}
  %4: i32[29,18] = add %1, %3
  %5: bool[29,18] = less_equal %2, %4
  %6: i32[29,18] = constant {dtype=i32, shape=[29,18], value=-8}
  %7: i32[29,18] = add %1, %6
  %8: bool[29,18] = less %7, %2
  %9: bool[2,29,18] = broadcast %5 {shape=[2,29,18], dims=[1,2]}
  %10: bool[2,29,18] = broadcast %8 {shape=[2,29,18], dims=[1,2]}
  %11: f32[2,29,18] = constant {dtype=f32, shape=[2,29,18], value=-inf}
  %12: f32[2,29,18] = select %9, %0, %11
  %13: f32[2,29,18] = select %10, %12, %11
  %14: f32[2,29,18] = softmax %13 {axis=2}
  %15: f32[2,29,6] = contract %14, %v {dims="bqk,bku->bqu"}
  %16: f32[2,29,6] = mul %15, %d
  %17: f32[] = reduce_sum %16 {axes=[0,1,2]}
  %18: f32[2,29,5], %19: f32[2,18,5], %20: f32[2,18,6] = grad %17, %q, %k, %v
  return %15, %18, %19, %20
})");
}

// Heads of a group, which share keys and values, and queries that all of a batch has in common.
TEST(AttentionWorkgroups, AddUpWhatHeadsAndBatchesShare) {
  check(R"(func @f(%q: f32[3,9,2,5], %k: f32[2,21,2,5], %v: f32[2,21,2,6], %d: f32[2,9,2,3,6]) {
  %0: f32[2,2,3,9,21] = contract %q, %k {dims="hqgw,bkgw->bghqk"}
  %1: f32[2,2,3,9,21] = tanh %0
  %2: f32[2,2,3,9,21] = softmax %1 {axis=4}
  %3: f32[2,9,2,3,6] = contract %2, %v {dims="bghqk,bkgu->bqghu"}
  %4: f32[2,9,2,3,6] = mul %3, %d
  %5: f32[] = reduce_sum %4 {axes=[0,1,2,3,4]}
  %6: f32[3,9,2,5], %7: f32[2,21,2,5], %8: f32[2,21,2,6] = grad %5, %q, %k, %v
  return %3, %6, %7, %8
})");
}

TEST(AttentionWorkgroups, NeedNoAxisOfQueries) {
  check(R"(func @f(%q: f32[3,6], %k: f32[3,41,6], %v: f32[3,41,5], %d: f32[3,5], %b: f32[41]) {
  %0: f32[3,41] = contract %q, %k {dims="bw,bkw->bk"}
  %1: f32[3,41] = broadcast %b {shape=[3,41], dims=[1]}
  %2: f32[3,41] = add %0, %1
  %3: f32[3,41] = softmax %2 {axis=1}
  %4: f32[3,5] = contract %3, %v {dims="bk,bku->bu"}
  %5: f32[3,5] = mul %4, %d
  %6: f32[] = reduce_sum %5 {axes=[0,1]}
  %7: f32[3,6], %8: f32[3,41,6], %9: f32[3,41,5], %10: f32[41] = grad %6, %q, %k, %v, %b
  return %4, %7, %8, %9, %10
})");
}

// A bias, and factors of weights, of every number of axes.
TEST(AttentionWorkgroups, AddUpGradientsOfWhatScoresRead) {
  struct Case {
    const char *shape, *dims;
  };
  for (const Case& c : {Case{"2,13,21", "0,1,2"}, Case{"13,21", "1,2"}, Case{"13", "1"}, Case{"21", "2"},
                        Case{"2,21", "0,2"}, Case{"2", "0"}, Case{"", ""}}) {
    check(fmt::format(
        R"(func @f(%q: f32[2,13,3], %k: f32[2,21,3], %v: f32[2,21,6], %d: f32[2,13,6], %b: f32[{0}], %c: f32[{0}]) {{
  %0: f32[2,13,21] = contract %q, %k {{dims="bqw,bkw->bqk"}}
  %1: f32[2,13,21] = broadcast %b {{shape=[2,13,21], dims=[{1}]}}
  %2: f32[2,13,21] = add %0, %1
  %3: f32[2,13,21] = softmax %2 {{axis=2}}
  %4: f32[2,13,21] = broadcast %c {{shape=[2,13,21], dims=[{1}]}}
  %5: f32[2,13,21] = mul %3, %4
  %6: f32[2,13,6] = contract %5, %v {{dims="bqk,bku->bqu"}}
  %7: f32[2,13,6] = mul %6, %d
  %8: f32[] = reduce_sum %7 {{axes=[0,1,2]}}
  %9: f32[{0}], %10: f32[{0}], %11: f32[2,21,6] = grad %8, %b, %c, %v
  return %6, %9, %10, %11
}})",
        c.shape, c.dims));
  }
}

// Gradients one by one: what the others need of a block is left out.
TEST(AttentionWorkgroups, GiveEachGradientAlone) {
  for (const char* wrt : {"q", "k", "v"}) {
    const std::string type = wrt[0] == 'q' ? "f32[19,6]" : wrt[0] == 'k' ? "f32[26,6]" : "f32[26,9]";
    check(fmt::format(R"(func @f(%q: f32[19,6], %k: f32[26,6], %v: f32[26,9], %d: f32[19,9]) {{
  %0: f32[19,26] = contract %q, %k {{dims="qw,kw->qk"}}
  %1: f32[19,26] = softmax %0 {{axis=1}}
  %2: f32[19,9] = contract %1, %v {{dims="qk,ku->qu"}}
  %3: f32[19,9] = mul %2, %d
  %4: f32[] = reduce_sum %3 {{axes=[0,1]}}
  %5: {0} = grad %4, %{1}
  return %2, %5
}})",
                      type, wrt));
  }
}

// Lines whose elements do not lie side by side, and of two axes.
TEST(AttentionWorkgroups, ReadAndWriteLinesAsTheyLie) {
  check(R"(func @f(%q: f32[2,4,19,3], %k: f32[2,4,26,3], %v: f32[26,2,4,2], %d: f32[4,2,2,19]) {
  %0: f32[2,19,26] = contract %q, %k {dims="bwqx,bwkx->bqk"}
  %1: f32[2,19,26] = softmax %0 {axis=2}
  %2: f32[4,2,2,19] = contract %1, %v {dims="bqk,kbuy->uybq"}
  %3: f32[4,2,2,19] = mul %2, %d
  %4: f32[] = reduce_sum %3 {axes=[0,1,2,3]}
  %5: f32[2,4,19,3], %6: f32[2,4,26,3], %7: f32[26,2,4,2] = grad %4, %q, %k, %v
  return %2, %5, %6, %7
})");
}

size_t kernels_of_attention(const graph::Module& module) {
  return static_cast<size_t>(std::ranges::count_if(module.find_function("f")->ops(), [](const auto& op) {
    return is_kernel(*op, graph::Anchor::attention) || is_kernel(*op, graph::Anchor::attention_backward);
  }));
}

// The widest heads, whose queries, keys and values are as long, that have schedules on a machine; those that
// are wider have none, and are not fused.
TEST(AttentionWorkgroups, HoldLinesUpToALimit) {
  struct Case {
    Target::Kind kind;
    int64_t shared_bytes, local_bytes, element_bytes, widest;
  };
  for (const Case& c : {Case{Target::Kind::gpu, 16 << 10, 1024, 4, 480},
                        {Target::Kind::gpu, 48 << 10, 1024, 4, 704},
                        {Target::Kind::gpu, 48 << 10, 256, 4, 224},
                        {Target::Kind::gpu, 48 << 10, 1024, 8, 320},
                        {Target::Kind::gpu_on_cpu, 32 << 10, 1024, 4, 128},
                        {Target::Kind::gpu_on_cpu, 4 << 10, 1024, 4, 96}}) {
    Target target = machine(c.shared_bytes);
    target.kind = c.kind;
    target.local_bytes = c.local_bytes;
    int64_t widest = 0;
    while (passes::has_attention_schedule(widest + 1, widest + 1, c.element_bytes, target)) ++widest;
    EXPECT_EQ(widest, c.widest);
    for (int64_t wider = widest + 1; wider < 4 * widest; ++wider)
      EXPECT_FALSE(passes::has_attention_schedule(wider, wider, c.element_bytes, target)) << wider;
    for (const int64_t more : {0, 1}) {
      const std::string text =
          attention_of({3, 17, widest + more, widest + more}, false, c.element_bytes == 4 ? "f32" : "f64");
      const graph::Module chosen =
          passes::to_kernels(graph::parse(text, "test.sg"), "f", target, {.verify = true});
      EXPECT_EQ(kernels_of_attention(chosen), more == 0 ? 2u : 0u);
    }
  }
  Target target = machine(48 << 10);
  target.max_workgroup_size = 16;
  EXPECT_FALSE(passes::has_score_grid(4, 4, 4, target));
}

}  // namespace
}  // namespace sinter::test
