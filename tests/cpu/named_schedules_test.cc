#include <gtest/gtest.h>

#include "backends/cpu/compile/machine.h"
#include "backends/template/template.h"
#include "tests/cpu/programs.h"

// The loops for machines that this one need not be, run by the interpreter, against the reference: no code of
// theirs is needed to see that their tiles, vectors and masks end where the tensors do.
namespace sinter::cpu::test {
namespace {

class NamedSchedules : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!host().triple.starts_with("x86_64")) GTEST_SKIP() << "names of x86-64";
  }

  loop::Target target() const { return named(GetParam()).target; }
};

TEST_P(NamedSchedules, OfProducts) {
  const uint32_t count = target().vector_registers > 16 ? 60 : 20;
  for (uint32_t seed = 0; seed < count; ++seed) {
    const DrawnProduct drawn = drawn_product(seed);
    SCOPED_TRACE(drawn.name);
    loop::Target cut = target();
    if (seed % 2 == 1) {  // k in blocks, tiles in groups
      cut.l1_bytes = 2048;
      cut.l2_bytes = 4096;
    }
    EXPECT_EQ(difference_on(skeleton::Device(cut), drawn.text), "") << drawn.text;
  }
}

TEST_P(NamedSchedules, OfAllElse) {
  const skeleton::Device device(target());
  for (const Program& program : other_programs()) {
    SCOPED_TRACE(program.name);
    EXPECT_EQ(difference_on(device, program.text), "") << program.text;
  }
}

INSTANTIATE_TEST_SUITE_P(For, NamedSchedules, testing::Values("x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto& machine) { return std::string(machine.param).substr(7); });

}  // namespace
}  // namespace sinter::cpu::test
