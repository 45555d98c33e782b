#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "backends/cpu/compile/compile.h"
#include "backends/cpu/compile/sanitize.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "tests/cpu/assembly.h"
#include "tests/cpu/programs.h"

// Whether the register tiles of contractions are in registers: counted in the text of their code for machines
// that this one need not be.
namespace sinter::cpu::test {
namespace {

std::string code_of(const std::string& text, const Machine& machine) {
  return emit_asm(passes::lower(graph::parse(text), "f", machine.target, {}), machine);
}

// What the tiles for a machine look like: rows, and vectors to each.
struct Tile {
  const char* machine;
  int64_t rows, vectors;
};
constexpr Tile kV2 = {"x86-64-v2", 6, 2}, kV3 = {"x86-64-v3", 6, 2}, kV4 = {"x86-64-v4", 14, 2};

class ContractCode : public testing::Test {
 protected:
  void SetUp() override {
    if (!host().triple.starts_with("x86_64")) GTEST_SKIP() << "code of x86-64";
    if (kSanitizer != Sanitizer::none) GTEST_SKIP() << "a sanitizer's checks take registers";
  }
};

// The steps of k that its loop takes at once.
int64_t steps_of(const InnermostLoop& loop, const Tile& tile) {
  return loop.products / (tile.rows * tile.vectors);
}

// The sums stay in registers, each step broadcasts an element of lhs for each row, and nothing is stored.
void expect_in_registers(const InnermostLoop& loop, const Tile& tile) {
  const int64_t steps = steps_of(loop, tile);
  EXPECT_GE(steps, 1) << loop.text;
  EXPECT_EQ(loop.products, steps * tile.rows * tile.vectors) << loop.text;
  EXPECT_EQ(loop.accumulators, tile.rows * tile.vectors) << loop.text;
  EXPECT_EQ(loop.broadcasts, steps * tile.rows) << loop.text;
  EXPECT_EQ(loop.spills, 0) << loop.text;
  EXPECT_EQ(loop.stores, 0) << loop.text;
  EXPECT_EQ(loop.narrowest_product, named(tile.machine).target.vector_bytes) << loop.text;
}

InnermostLoop largest(const std::vector<InnermostLoop>& loops) {
  const auto found = std::ranges::max_element(loops, {}, &InnermostLoop::products);
  return found == loops.end() ? InnermostLoop() : *found;
}

TEST_F(ContractCode, LargeTilesFillTheRegisters) {
  for (const Tile& tile : {kV3, kV4}) {
    for (const Form& form : kForms) {
      for (const Size& size : {Size{1024, 1024, 1024}, Size{97, 131, 113}, Size{53, 77, 200}}) {
        SCOPED_TRACE(fmt::format("{} {} {}x{}x{}", tile.machine, form.name, size.m, size.n, size.k));
        const auto loops = tile_loops(code_of(product(form, size), named(tile.machine)));
        ASSERT_GE(loops.size(), 2u);  // tiles of two heights
        expect_in_registers(largest(loops), tile);
        EXPECT_EQ(largest(loops).loads, steps_of(largest(loops), tile) * tile.vectors) << largest(loops).text;
        for (const InnermostLoop& loop : loops) {
          EXPECT_EQ(loop.spills, 0) << loop.text;
          EXPECT_EQ(loop.stores, 0) << loop.text;
          EXPECT_EQ(loop.xmm + (tile.rows == kV4.rows ? loop.ymm : 0), 0) << loop.text;
        }
      }
    }
  }
}

// A panel of one vector takes taller tiles, few rows wider panels.
TEST_F(ContractCode, NarrowResultsFillThemToo) {
  struct Row {
    Tile tile;
    Size size;
  };
  for (const Row& row :
       {Row{{"x86-64-v4", 28, 1}, {300, 10, 300}}, Row{{"x86-64-v3", 6, 2}, {300, 10, 300}}}) {
    for (const Form& form : kForms) {
      SCOPED_TRACE(fmt::format("{} {} n={}", row.tile.machine, form.name, row.size.n));
      expect_in_registers(largest(tile_loops(code_of(product(form, row.size), named(row.tile.machine)))),
                          row.tile);
    }
  }
  for (const Tile& tile : {Tile{"x86-64-v3", 2, 4}, Tile{"x86-64-v4", 2, 4}}) {
    for (const Form& form : kForms) {
      if (form.rhs_transposed) continue;
      SCOPED_TRACE(fmt::format("{} {} m=2", tile.machine, form.name));
      expect_in_registers(largest(tile_loops(code_of(product(form, {2, 300, 300}), named(tile.machine)))),
                          tile);
    }
  }
}

// Dot products: nothing is broadcast, both operands are vectors.
TEST_F(ContractCode, FewRowsOfDotProductsStayInRegisters) {
  for (const char* machine : {"x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(machine);
    const auto loops = innermost_loops(code_of(product(kForms[1], {2, 300, 300}), named(machine)));
    const InnermostLoop loop = largest(loops);
    EXPECT_EQ(loop.products, 2 * 8) << loop.text;  // two rows, four columns, two vectors of k
    EXPECT_EQ(loop.accumulators, 8) << loop.text;
    EXPECT_EQ(loop.spills, 0) << loop.text;
    EXPECT_EQ(loop.stores, 0) << loop.text;
    EXPECT_EQ(loop.narrowest_product, named(machine).target.vector_bytes) << loop.text;
  }
}

// What comes before is computed while an operand is copied, what comes behind after the last step of k.
TEST_F(ContractCode, OtherWorkStaysOutOfTheLoopOverK) {
  for (const Tile& tile : {kV3, kV4}) {
    for (const Form& form : kForms) {
      for (const Size& size : {Size{1024, 1024, 1024}, Size{97, 131, 113}}) {
        for (const bool is_before : {false, true}) {
          SCOPED_TRACE(fmt::format("{} {} {}x{}x{} {}", tile.machine, form.name, size.m, size.n, size.k,
                                   is_before ? "relu" : "gelu"));
          const std::string text = product(form, size, is_before, !is_before);
          expect_in_registers(largest(tile_loops(code_of(text, named(tile.machine)))), tile);
        }
      }
    }
  }
}

// Without fused multiply-adds each product takes a register before it is added; the vectors are whole all the
// same.
TEST_F(ContractCode, OldMachinesMultiplyAndAddVectors) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name);
    const std::string code = code_of(product(form, {1024, 1024, 1024}), named(kV2.machine));
    EXPECT_EQ(code.find("vfmadd"), std::string::npos);
    EXPECT_EQ(code.find("%ymm"), std::string::npos);
    const InnermostLoop loop = largest(tile_loops(code));
    EXPECT_EQ(loop.products % (kV2.rows * kV2.vectors), 0) << loop.text;
    EXPECT_EQ(loop.broadcasts, steps_of(loop, kV2) * kV2.rows) << loop.text;
  }
}

// The last columns, and the last steps of k, are vectors some of whose lanes are left out.
TEST_F(ContractCode, EdgesAreMasked) {
  for (const Form& form : kForms) {
    for (const Size& size : {Size{97, 131, 113}, Size{53, 77, 200}, Size{300, 10, 300}}) {
      SCOPED_TRACE(fmt::format("{} {}x{}x{}", form.name, size.m, size.n, size.k));
      const std::string code = code_of(product(form, size), named(kV4.machine));
      // No product of single numbers, and a mask for what is stored.
      EXPECT_FALSE(std::regex_search(code, std::regex(R"(\tv(fmadd\d+|mul)ss\t)")));
      EXPECT_TRUE(std::regex_search(code, std::regex(R"(\tvmovups\t%zmm\d+, \S+ \{%k[1-7]\}\n)")));
    }
  }
}

// What counts the loops, on a text of which they are known.
TEST(AssemblyLoops, AreCounted) {
  const auto loops = innermost_loops(R"(f:
	movq	%rsp, %rbp
.LBB0_1:
	vmovups	%zmm0, (%rdi)
.LBB0_2:
	vmovups	(%rsi,%rax,4), %zmm1
	vbroadcastss	8(%rdx), %zmm2
	vfmadd231ps	%zmm1, %zmm2, %zmm3
	vfmadd231ps	(%rdx){1to16}, %zmm2, %zmm4
	vmovaps	%zmm1, 64(%rsp)
	vmovaps	-64(%rbp), %ymm5
	vmovups	%zmm3, (%rsp,%rax,4) {%k1}
	jl	.LBB0_2
	jl	.LBB0_1
g:
.LBB1_1:
	movaps	-64(%rbp), %xmm5
	jmp	.LBB1_1
)");
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_EQ(loops[0].products, 2);
  EXPECT_EQ(loops[0].accumulators, 2);
  EXPECT_EQ(loops[0].broadcasts, 2);
  EXPECT_EQ(loops[0].loads, 1);
  EXPECT_EQ(loops[0].spills, 2);
  EXPECT_EQ(loops[0].stores, 2);
  EXPECT_EQ(loops[0].zmm, 6);
  EXPECT_EQ(loops[0].ymm, 1);
  EXPECT_TRUE(loops[0].is_masked);
  EXPECT_EQ(loops[1].spills, 0);  // rbp is a number like any other there
  EXPECT_EQ(loops[1].loads, 1);
  EXPECT_EQ(loops[1].xmm, 1);
}

}  // namespace
}  // namespace sinter::cpu::test
