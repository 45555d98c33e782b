#include "backends/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/cpu/compile/compile.h"
#include "backends/registry/registry.h"
#include "ir/error.h"
#include "tests/cpu/run_kernel.h"
#include "tests/support/message_of.h"

namespace sinter::cpu::test {
namespace {

TEST(Backend, IsFoundByName) {
  EXPECT_NE(backends::open_device("cpu", 2), nullptr);
  EXPECT_EQ(message_of([] { backends::open_device("cpu:1"); }),
            "device 'cpu:1': there is one cpu, called 'cpu'");
}

TEST(Backend, DescribesThisMachine) {
  const loop::Target target = host().target;
  EXPECT_EQ(target.kind, loop::Target::Kind::cpu);
  EXPECT_GE(target.vector_bytes, 16);
  EXPECT_GE(target.l1_bytes, 4 << 10);
  EXPECT_GE(target.l2_bytes, target.l1_bytes);
}

TEST(Backend, PrintsWhatItMakes) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 8), y = k.output(Type::f32, 8);
  k.kernel.name = "negate at encoder.0";
  k.kernel.parts = {vector(
      8, [&](const Expr& i) { return loop::store(y, i, loop::apply(ScalarOp::neg, {loop::load(x, i)})); })};
  const loop::Program program = program_of(k.kernel);
  const std::string code = emit_llvm(program, host());
  EXPECT_THAT(code, testing::HasSubstr("fneg <8 x float>"));
  EXPECT_THAT(code, testing::HasSubstr("kernel0.negate_at_encoder.0"));
  EXPECT_THAT(emit_asm(program, host()), testing::HasSubstr("kernel0.negate_at_encoder.0:"));
}

TEST(Backend, NamesTheKernelThatItCannotCompile) {
  KernelBuilder k;
  k.kernel.name = "odd one";
  k.kernel.parts = {loop::barrier()};
  loop::Program program;
  program.kernels = {k.kernel};
  EXPECT_THAT([&] { emit_llvm(program, host()); },
              testing::ThrowsMessage<InternalError>("kernel odd one: a barrier in a kernel for threads"));
}

}  // namespace
}  // namespace sinter::cpu::test
