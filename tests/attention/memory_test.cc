#include <gtest/gtest.h>

#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "tests/attention/harness.h"

namespace sinter::test {
namespace {

using In = sinter::Inputs;

loop::Program lowered(const std::vector<Input>& inputs, const std::function<Outputs(const In&)>& body) {
  Program program;
  program.add("f", inputs, body);
  program.compile({.device = "reference"});
  return passes::lower(graph::parse(program.text("f", false)), "f", loop::Target{}, {});
}

Outputs with_gradients(const In& in, const AttentionOptions& options) {
  const Tensor y = attention(in["q"], in["k"], in["v"], options);
  const auto gradients = grad(sum(y * in["d_y"]), {in["q"], in["k"], in["v"]});
  return {{"y", y}, {"d_q", gradients[0]}, {"d_k", gradients[1]}, {"d_v", gradients[2]}};
}

// 16384 x 16384 scores of 8 heads would be 8 GB.
TEST(AttentionMemory, GrowsWithRowsNotScores) {
  const std::vector<Extent> shape{1, 8, 16384, 64};
  const loop::Program program =
      lowered({{"q", f32, shape}, {"k", f32, shape}, {"v", f32, shape}, {"d_y", f32, shape}},
              [](const In& in) { return with_gradients(in, {.causal = true}); });
  EXPECT_EQ(program.kernels.size(), 2u);
  EXPECT_LE(program.arena_bytes, int64_t{2} << 20);
}

// With few heads, the gradients of keys and values are divided by keys, those of queries by queries.
TEST(AttentionMemory, FewHeadsTakeTwoKernels) {
  const std::vector<Extent> shape{1, 1, 2048, 64};
  const loop::Program program =
      lowered({{"q", f32, shape}, {"k", f32, shape}, {"v", f32, shape}, {"d_y", f32, shape}},
              [](const In& in) { return with_gradients(in, {}); });
  EXPECT_EQ(program.kernels.size(), 3u);
}

TEST(AttentionMemory, FewHeadsGiveTheSameValues) {
  Form form{"one head",
            {{"q", f32, {1, 1, 300, 8}}, {"k", f32, {1, 1, 290, 8}}, {"v", f32, {1, 1, 290, 8}}},
            [](const In& in) { return attention(in["q"], in["k"], in["v"], {.causal = true}); }};
  EXPECT_EQ(check(form, true).anchors, "attention attention_backward attention_backward");
}

}  // namespace
}  // namespace sinter::test
