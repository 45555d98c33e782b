#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/cpu/compile/compile.h"
#include "backends/cpu/compile/sanitize.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "tests/cpu/assembly.h"
#include "tests/cpu/programs.h"

// Whether the innermost loops of attention, of softmax and of norms do without memory of their own, on the
// widest vectors: counted in the text of their code for machines that this one need not be.
namespace sinter::cpu::test {
namespace {

constexpr const char* kWide[] = {"x86-64-v3", "x86-64-v4"};

class LoopsCode : public testing::Test {
 protected:
  void SetUp() override {
    if (!host().triple.starts_with("x86_64")) GTEST_SKIP() << "code of x86-64";
    if (kSanitizer != Sanitizer::none) GTEST_SKIP() << "a sanitizer's checks take registers";
  }
};

std::vector<InnermostLoop> loops_of(const std::string& text, const Machine& machine) {
  return innermost_loops(emit_asm(passes::lower(graph::parse(text), "f", machine.target, {}), machine));
}

// Of a register tile of 6 rows of 2 vectors; where fewer rows are left, of fewer.
constexpr int64_t kSums = 12, kVectors = 2;

TEST_F(LoopsCode, ProductsOfAttentionStayInRegisters) {
  for (const char* machine : kWide) {
    for (const bool causal : {false, true}) {
      for (const bool with_gradient : {false, true}) {
        SCOPED_TRACE(
            fmt::format("{}{}{}", machine, causal ? " causal" : "", with_gradient ? " gradient" : ""));
        int64_t whole = 0;
        for (const InnermostLoop& loop :
             loops_of(attention({256, 64, causal, false, with_gradient}), named(machine))) {
          // Of a single step, which is left over, there are no more products than sums; the exponentials'
          // stand on numbers that are at hand.
          if (loop.products <= kSums || loop.broadcasts < loop.products / kVectors) continue;
          whole += loop.accumulators == kSums;
          EXPECT_LE(loop.accumulators, kSums) << loop.text;
          EXPECT_EQ(loop.products % loop.accumulators, 0) << loop.text;
          EXPECT_EQ(loop.broadcasts * kVectors, loop.products) << loop.text;
          EXPECT_EQ(loop.spills, 0) << loop.text;
          EXPECT_EQ(loop.stores, 0) << loop.text;
          EXPECT_EQ(loop.narrowest_product, named(machine).target.vector_bytes) << loop.text;
        }
        // Scores and weighted sum; scores again, their gradients, and those of the operands. Where they are
        // causal, two of these have a branch for what is not seen, and loops of their own around it.
        EXPECT_GE(whole, with_gradient ? 5 : 2);
      }
    }
  }
}

// For 32 registers no innermost loop of attention spills, however long and wide its operands are.
TEST_F(LoopsCode, NothingOfAttentionIsSpilledWhereThereAreManyRegisters) {
  for (const auto& [length, width] : {std::pair<int64_t, int64_t>{129, 20}, {256, 64}, {200, 128}}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(fmt::format("{} x {}{}", length, width, causal ? " causal" : ""));
      for (const InnermostLoop& loop :
           loops_of(attention({length, width, causal, false, true}), named("x86-64-v4"))) {
        if (loop.products < kSums) continue;
        EXPECT_EQ(loop.spills, 0) << loop.text;
        EXPECT_EQ(loop.narrowest_product, 64) << loop.text;
      }
    }
  }
}

std::string of_rows(const char* op, int64_t rows, int64_t columns) {
  return fmt::format(
      "func @f(%x: f32[{0},{1}], %scale: f32[{1}]) {{\n  %y: f32[{0},{1}] = {2}\n  return y=%y\n}}\n", rows,
      columns, op);
}

// In 16 registers there is no room for the exponentials of four vectors and the numbers that they take.
TEST_F(LoopsCode, RowsAreVectorsInRegisters) {
  struct Row {
    const char* machine;
    const char* op;
  };
  for (const Row& row :
       {Row{"x86-64-v3", "layer_norm %x, %scale {epsilon=1e-05}"},
        Row{"x86-64-v3", "rms_norm %x, %scale {epsilon=1e-05}"},
        Row{"x86-64-v4", "layer_norm %x, %scale {epsilon=1e-05}"},
        Row{"x86-64-v4", "rms_norm %x, %scale {epsilon=1e-05}"}, Row{"x86-64-v4", "softmax %x {axis=1}"},
        Row{"x86-64-v4", "log_softmax %x {axis=1}"}}) {
    SCOPED_TRACE(fmt::format("{} on {}", row.op, row.machine));
    const Machine machine = named(row.machine);
    const bool is_v4 = machine.target.vector_bytes == 64;
    int64_t loops = 0;
    for (const InnermostLoop& loop : loops_of(of_rows(row.op, 512, 768), machine)) {
      const int64_t wide = is_v4 ? loop.zmm : loop.ymm, narrow = loop.xmm + (is_v4 ? loop.ymm : 0);
      if (wide + narrow == 0) continue;
      ++loops;
      EXPECT_EQ(loop.spills, 0) << loop.text;
      EXPECT_GT(wide, 0) << loop.text;
      EXPECT_EQ(narrow, 0) << loop.text;
    }
    EXPECT_GE(loops, 2);
  }
}

}  // namespace
}  // namespace sinter::cpu::test
