#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/registry/registry.h"
#include "frontend/compile/check.h"
#include "ir/graph/text/text.h"
#include "passes/base/costs.h"
#include "passes/pipeline.h"

// Chains of ops so long that, as one kernel, what walks their expressions would run out of stack.
namespace sinter::test {
namespace {

// `length` times `op`, of which the first operand is the value before.
std::string chain(int length, const std::string& first, const std::string& type, const std::string& op,
                  const std::string& other = "") {
  std::string text, value = first;
  for (int i = 0; i < length; ++i) {
    const std::string next = fmt::format("%{}", i);
    text += fmt::format("  {}: {} = {} {}{}\n", next, type, op, value, other);
    value = next;
  }
  return text;
}

void expect_agreement(const graph::Module& module) {
  for (const char* name : {"cpu", "vulkan"}) {
    const CheckResult result = check_function(module, "f", *backends::open_device(name, 1));
    EXPECT_EQ(result.disagreement, "") << name;
  }
}

TEST(LongChains, BecomeSeveralKernels) {
  constexpr int kLength = 3000;
  const graph::Module module =
      graph::parse("func @f(%x: f32[4], %y: f32[4]) {\n" + chain(kLength, "%x", "f32[4]", "add", ", %y") +
                   fmt::format("  return %{}\n}}", kLength - 1));
  const loop::Program program = passes::lower(module, "f", loop::Target{}, {.verify = true});
  EXPECT_EQ(program.kernels.size(), (kLength - 1) / passes::kMostWeight + 1);
  expect_agreement(module);
}

TEST(LongChains, OfTranscendentalOpsBecomeMore) {
  constexpr int kLength = 300;
  const graph::Module module =
      graph::parse("func @f(%x: f32[4]) {\n" + chain(kLength, "%x", "f32[4]", "sin") +
                   fmt::format("  return %{}\n}}", kLength - 1));
  const loop::Program program = passes::lower(module, "f", loop::Target{}, {.verify = true});
  EXPECT_EQ(program.kernels.size(), (8 * kLength - 1) / passes::kMostWeight + 1);
  expect_agreement(module);
}

TEST(LongChains, OfScoresAreNoAttention) {
  const auto kernels = [](int length) {
    const graph::Module module = graph::parse(
        "func @f(%q: f32[9,8], %k: f32[9,8], %v: f32[9,8]) {\n"
        "  %s: f32[9,9] = contract %q, %k {dims=\"ik,jk->ij\"}\n" +
        chain(length, "%s", "f32[9,9]", "tanh") +
        fmt::format("  %p: f32[9,9] = softmax %{} {{axis=1}}\n", length - 1) +
        "  %o: f32[9,8] = contract %p, %v {dims=\"ij,jk->ik\"}\n  return %o\n}");
    expect_agreement(module);
    const loop::Program program = passes::lower(module, "f", loop::Target{}, {.verify = true});
    return program.kernels.size();
  };
  EXPECT_EQ(kernels(50), 1u);
  EXPECT_GT(kernels(200), 3u);
}

// Each turns what the one before has made; an element comes from 2^40 places.
TEST(LongChains, OfConcatenationsDoNotGrowExponentially) {
  std::string text = "func @f(%x: f32[4]) {\n", value = "%x";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("  %twice{0}: f32[8] = concat {1}, {1} {{axis=0}}\n", i, value);
    text += fmt::format("  %turned{0}: f32[4] = slice %twice{0} {{limit=[5],start=[1],stride=[1]}}\n", i);
    value = fmt::format("%turned{}", i);
  }
  const graph::Module module =
      graph::parse(text + fmt::format("  %y: f32[4] = exp {}\n  return %y\n}}", value));
  EXPECT_LT(passes::lower(module, "f", loop::Target{}, {.verify = true}).kernels.size(), 20u);
  expect_agreement(module);
}

}  // namespace
}  // namespace sinter::test
