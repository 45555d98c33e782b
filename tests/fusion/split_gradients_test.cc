#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "bench/workloads/workload.h"
#include "ir/graph/text/text.h"
#include "ir/loop/parts.h"
#include "passes/pipeline.h"

// Attention's gradients where heads are fewer than threads. That the values are the same is a matter of
// tests/threads/bits_test.cc.
namespace sinter {
namespace {

struct Backward {
  int kernels = 0;
  int64_t units = 0;
  double flops = 0;
};

Backward backward(const std::string& workload, int64_t threads) {
  const bench::Workload work = bench::workload(workload);
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile({.device = "reference"});
  loop::Target target;
  target.threads = threads;
  const graph::Module module = graph::parse(program.text("step", false));
  Backward result;
  for (const loop::Kernel& kernel : passes::lower(module, "step", target, {}).kernels) {
    if (kernel.anchor != "attention_backward") continue;
    ++result.kernels;
    result.units += units_of(kernel);
    result.flops += kernel.flops;
  }
  return result;
}

TEST(SplitGradients, HeadsOrQueriesAndKeys) {
  for (const char* workload : {"sdpa:256", "sdpa:256:causal"}) {
    SCOPED_TRACE(workload);
    const Backward few = backward(workload, 8), many = backward(workload, 32);
    EXPECT_EQ(few.kernels, 1);
    EXPECT_EQ(few.units, 8);
    EXPECT_EQ(many.kernels, 2);
    EXPECT_GT(many.units, 32);
    // Seven products where there were five.
    EXPECT_NEAR(many.flops / few.flops, 1.4, 0.02);
  }
}

TEST(SplitGradients, LittleWorkStaysTogether) {
  EXPECT_EQ(backward("sdpa:128", 64).kernels, 1);
}

}  // namespace
}  // namespace sinter
