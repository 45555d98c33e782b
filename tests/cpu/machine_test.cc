#include "backends/cpu/compile/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "backends/registry/registry.h"
#include "frontend/compile/check.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "tests/cpu/run_kernel.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

// Machines by name: what is known of them, code for them, and where that runs.
namespace sinter::cpu::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kLayer = R"(func @f(%x: f32[32,64], %w: f32[64,48], %b: f32[48]) {
  %0: f32[32,48] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[32,48] = broadcast %b {dims=[1], shape=[32,48]}
  %2: f32[32,48] = add %0, %1
  %3: f32[32,48] = tanh %2
  return y=%3
}
)";

class NamedMachines : public testing::Test {
 protected:
  void SetUp() override {
    if (!host().triple.starts_with("x86_64")) GTEST_SKIP() << "names of x86-64";
  }
};

std::string assembly_for(const std::string& target) {
  const graph::Module module = graph::parse(kLayer);
  return function_text(module, "f", *backends::open_device("cpu", 1, target), "asm");
}

TEST_F(NamedMachines, HaveTheFactsOfTheirFeatures) {
  struct Row {
    const char* name;
    int64_t bytes, registers;
    bool fma;
  };
  for (const Row& row :
       {Row{"x86-64", 16, 16, false}, Row{"x86-64-v2", 16, 16, false}, Row{"sandybridge", 16, 16, false},
        Row{"x86-64-v3", 32, 16, true}, Row{"haswell", 32, 16, true}, Row{"znver3", 32, 16, true},
        Row{"x86-64-v4", 64, 32, true}, Row{"znver4", 64, 32, true}}) {
    SCOPED_TRACE(row.name);
    const Machine machine = named(row.name);
    EXPECT_EQ(machine.triple, host().triple);
    EXPECT_EQ(machine.cpu, row.name);
    EXPECT_EQ(machine.target.vector_bytes, row.bytes);
    EXPECT_EQ(machine.target.vector_registers, row.registers);
    EXPECT_EQ(machine.target.has_fma, row.fma);
    EXPECT_EQ(machine.target.l2_bytes, loop::Target().l2_bytes);
    EXPECT_EQ(machine.target.kind, loop::Target::Kind::cpu);
  }
  EXPECT_EQ(named("x86-64-v3").target.description, "x86-64-v3, vectors of 32 bytes");
}

TEST(Machines, NativeIsThisOne) {
  EXPECT_EQ(code_identity(named("native")), code_identity(host()));
  EXPECT_EQ(named("native").target, host().target);
  loop::Target alone = host().target;
  alone.threads = 1;
  EXPECT_EQ(backends::open_device("cpu", 1)->target(), alone);
  check_runs_here(host());
}

// Of machines that this one is not, too.
TEST_F(NamedMachines, HaveCodeOfTheirOwn) {
  const std::string v2 = assembly_for("x86-64-v2"), v3 = assembly_for("x86-64-v3"),
                    v4 = assembly_for("x86-64-v4");
  EXPECT_THAT(v2, HasSubstr("mulps"));
  EXPECT_THAT(v2, Not(HasSubstr("%ymm")));
  EXPECT_THAT(v2, Not(HasSubstr("fma")));  // neither the instruction nor libm's function
  EXPECT_THAT(v3, HasSubstr("vfmadd"));
  EXPECT_THAT(v3, HasSubstr("%ymm"));
  EXPECT_THAT(v3, Not(HasSubstr("%zmm")));
  EXPECT_THAT(v4, HasSubstr("vfmadd"));
  EXPECT_THAT(v4, HasSubstr("%zmm"));
}

TEST_F(NamedMachines, AreAsGoodInF64) {
  const std::string refusal = message_of([] { check_runs_here(named("x86-64-v2")); });
  if (!refusal.empty()) GTEST_SKIP() << refusal;
  std::string text = kLayer;
  for (size_t at; (at = text.find("f32")) != std::string::npos;) text.replace(at, 3, "f64");
  const graph::Module module = graph::parse(text);
  EXPECT_EQ(check_function(module, "f", *backends::open_device("cpu", 1, "x86-64-v2")).disagreement, "");
}

// Intel and AMD have left out what these had.
TEST_F(NamedMachines, RunWhereTheirFeaturesAre) {
  check_runs_here(named("x86-64"));
  EXPECT_THAT(message_of([] { check_runs_here(named("bdver4")); }),
              testing::MatchesRegex("compiled for bdver4, but this machine, a " + host().cpu +
                                    ", lacks fma4, lwp(, [a-z0-9.]+)*, xop"));
  const auto device = backends::open_device("cpu", 1, "bdver4");
  const graph::Module module = graph::parse(kLayer);
  EXPECT_THAT(function_text(module, "f", *device, "asm"), HasSubstr(".text"));
  EXPECT_THAT(message_of([&] { compile_function(module, "f", *device); }),
              HasSubstr("compiled for bdver4, but this machine"));
}

TEST_F(NamedMachines, UnknownOnesAreRefused) {
  EXPECT_EQ(message_of([] { backends::open_device("cpu", 1, "x86-64-v5"); }),
            "unknown target 'x86-64-v5': expected native or something like x86-64-v2, x86-64-v3, x86-64-v4, "
            "x86-64-v1");
  EXPECT_EQ(message_of([] { named("hasswell"); }),
            "unknown target 'hasswell': expected native or something like haswell");
  EXPECT_THAT(message_of([] { named("abacus"); }),
              testing::MatchesRegex("unknown target 'abacus': expected native or one of alderlake, .*, "
                                    "x86-64-v3, .*, znver5, x86-64-v1, aarch64"));
  EXPECT_THAT(message_of([] { named(""); }), HasSubstr("unknown target ''"));
  // Of 32 bits: known to LLVM, but no code for this process.
  EXPECT_THAT(message_of([] { named("i686"); }), HasSubstr("unknown target 'i686'"));
}

// Code is made for them, and is not run.
TEST_F(NamedMachines, MayBeOfAnotherArchitecture) {
  for (const char* name : {"aarch64", "cortex-a76"}) {
    const Machine machine = named(name);
    EXPECT_TRUE(machine.triple.starts_with("aarch64")) << machine.triple;
    EXPECT_EQ(machine.target.vector_bytes, 16);
    EXPECT_EQ(machine.target.vector_registers, 32);
    EXPECT_TRUE(machine.target.has_fma);
    EXPECT_EQ(message_of([&] { check_runs_here(machine); }),
              "compiled for aarch64, but this machine, a " + host().cpu + ", is of another architecture");
    EXPECT_THAT(assembly_for(name), HasSubstr("fmla\tv"));
  }
  EXPECT_EQ(named("x86-64-v1").cpu, "x86-64");
}

TEST(Machines, TheReferenceCompilesForItself) {
  EXPECT_EQ(message_of([&] { backends::open_device("reference", 1, "x86-64-v3"); }),
            "device 'reference' compiles only for itself: target must be 'native', got 'x86-64-v3'");
}

// The cache on disk keeps what was made for one from another, and what is found must run here as well.
TEST(Machines, HaveImagesOfTheirOwn) {
  const ScratchFolder folder;
  runtime::DiskCache cache(folder.path("cache"));
  KernelBuilder k;
  const auto y = k.output(Type::f32, 1);
  k.kernel.parts = {loop::store(y, loop::integer(0), loop::number(1, Type::f32))};
  loop::Program program = program_of(k.kernel);
  program.outputs.front().type = {graph::DType::f32, {1}};
  const auto is_made = [&](const Machine& machine) {
    bool is_lowered = false;
    const auto lower = [&](const loop::Target&) {
      is_lowered = true;
      return program;
    };
    compile({"f", nullptr, lower, [] { return "f"; }}, machine, cache);
    return is_lowered;
  };
  Machine small_caches = host();
  small_caches.target.l2_bytes = 1;
  for (const Machine& machine : {host(), named("generic"), small_caches}) {
    EXPECT_TRUE(is_made(machine));
    EXPECT_FALSE(is_made(machine));
  }
}

}  // namespace
}  // namespace sinter::cpu::test
