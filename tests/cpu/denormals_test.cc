#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "backends/cpu/run/executable.h"
#include "runtime/error.h"
#include "tests/cpu/run_kernel.h"

// What becomes of denormal numbers while a program runs, and of the caller's mode.
namespace sinter::cpu::test {
namespace {

constexpr int64_t kElements = 4096;
constexpr float kLeast = std::numeric_limits<float>::min();

// y = x / 2, worth several threads
loop::Kernel halve() {
  KernelBuilder k;
  const auto x = k.input(Type::f32, kElements), y = k.output(Type::f32, kElements);
  k.kernel.flops = 1e6;
  k.kernel.parts = {parallel(kElements, [&](const Expr& i) {
    return loop::store(y, i, loop::load(x, i) * loop::number(0.5, Type::f32));
  })};
  return k.kernel;
}

// The calling thread's mode, but for what has been raised.
runtime::FloatMode control() {
  return runtime::float_mode() & ~runtime::FloatMode{0x3f};
}

class Denormals : public testing::Test {
 protected:
  // Restores whatever a test sets.
  runtime::FloatModeScope scope_{runtime::kKeepDenormals};
};

TEST_F(Denormals, AreZerosOnEveryThread) {
  for (int threads : {1, 2, 3}) {
    std::vector<float> x(kElements, kLeast), y(kElements, 1);
    for (size_t i = 0; i < kElements; i += 2) x[i] = -kLeast / 4;
    run(halve(), {raw(x), raw(y)}, {.threads = threads, .keep_denormals = false});
    EXPECT_THAT(y, testing::Each(0.0f)) << threads;
    EXPECT_TRUE(std::signbit(y[0]));
    EXPECT_EQ(control(), runtime::kKeepDenormals) << "the caller's mode";
  }
}

TEST_F(Denormals, TheCallersModeChangesNoBits) {
  std::vector<float> x(kElements), first(kElements), second(kElements);
  for (size_t i = 0; i < kElements; ++i) x[i] = 1 + 1e-6f * static_cast<float>(i);
  KernelBuilder k;
  const auto in = k.input(Type::f32, kElements), out = k.output(Type::f32, kElements);
  k.kernel.parts = {parallel(kElements, [&](const Expr& i) {
    return loop::store(out, i, loop::number(1, Type::f32) / loop::load(in, i));
  })};
  run(k.kernel, {raw(x), raw(first)}, {.keep_denormals = false});
#if defined(__x86_64__)
  constexpr runtime::FloatMode kUpwards = runtime::kKeepDenormals | 0x4000;
  runtime::set_float_mode(kUpwards);
  run(k.kernel, {raw(x), raw(second)}, {.keep_denormals = false});
  EXPECT_EQ(control(), kUpwards);
  EXPECT_EQ(second, first);
#endif
}

TEST_F(Denormals, TheCallersModeIsBackAfterAFault) {
  KernelBuilder k;
  const auto y = k.output(Type::f32, 1);
  k.kernel.parts = {loop::fault(loop::boolean(true), 0, loop::integer(0), loop::integer(7, Type::i64))};
  loop::Program program = program_of(k.kernel);
  program.faults.push_back({loop::FaultSite::Kind::index, "gather", "ids", {1}, 5, "here"});
  std::vector<float> out(1);
  runtime::HostState state({});
  EXPECT_THROW(run(program, {}, {raw(out)}, state, {.keep_denormals = false}), RuntimeError);
  EXPECT_EQ(control(), runtime::kKeepDenormals);
}

}  // namespace
}  // namespace sinter::cpu::test
