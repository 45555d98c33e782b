#include <gtest/gtest.h>

#include <memory>

#include "backends/cpu/compile/machine.h"
#include "backends/registry/registry.h"
#include "frontend/compile/check.h"
#include "ir/graph/text/text.h"
#include "runtime/file.h"
#include "tests/cpu/programs.h"
#include "tests/support/message_of.h"

// Code for machines by name against the reference, where this machine has what it uses; a machine whose code
// does not run here is skipped by name.
namespace sinter::cpu::test {
namespace {

class NamedRuns : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!host().triple.starts_with("x86_64")) GTEST_SKIP() << "names of x86-64";
    const std::string refusal = message_of([] { check_runs_here(named(GetParam())); });
    if (!refusal.empty()) GTEST_SKIP() << refusal;
    device_ = backends::open_device("cpu", 2, GetParam());
  }

  std::unique_ptr<backends::Device> device_;
};

TEST_P(NamedRuns, Products) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const DrawnProduct drawn = drawn_product(seed);
    SCOPED_TRACE(drawn.name);
    EXPECT_EQ(difference_on(*device_, drawn.text), "") << drawn.text;
  }
}

TEST_P(NamedRuns, AllElse) {
  for (const Program& program : other_programs()) {
    SCOPED_TRACE(program.name);
    EXPECT_EQ(difference_on(*device_, program.text), "") << program.text;
  }
}

// The kernels of real steps, each by itself and all together.
TEST_P(NamedRuns, KernelsOfSteps) {
  for (const char* name : {"group/layer_norm", "group/feed_forward", "differentiate/attention"}) {
    SCOPED_TRACE(name);
    const std::string path = std::string(SINTER_SOURCE_DIR "/tests/golden/") + name + ".in.sg";
    const graph::Module module = graph::parse(runtime::read_file(path), name);
    const CheckResult result = check_function(module, module.functions[0]->name(), *device_);
    EXPECT_EQ(result.disagreement, "");
    EXPECT_GT(result.kernels, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(For, NamedRuns, testing::Values("x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto& machine) { return std::string(machine.param).substr(7); });

}  // namespace
}  // namespace sinter::cpu::test
