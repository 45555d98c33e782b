#include "frontend/compile/check.h"

#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "passes/explain/explain.h"

namespace sinter {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// A kernel of most kinds, a gradient, a check that can fail, and random numbers.
constexpr const char* kModel = R"(state @table: f32[20,8]

func @f(%ids: i32[6], %w: f32[8,12] @"model.cc":3, %labels: i32[6]) {
  %0: f32[20,8] = read {state="table"}
  %1: f32[6,8] = gather %0, %ids {axis=0} @"model.cc":4
  %2: f32[6,8] = dropout %1 {key=9, rate=0.25} @"model.cc":5
  %3: f32[6,12] = contract %2, %w {dims="ik,kj->ij"} @"model.cc":6
  %4: f32[6,12] = layer_norm %3 {epsilon=1e-05} @"model.cc":7
  %5: f32[] = cross_entropy %4, %labels @"model.cc":8
  %6: f32[20,8], %7: f32[8,12] = grad %5, %0, %w
  %8: f32[20,8] = sub %0, %6 @"model.cc":9
  write %8 {state="table"}
  return loss=%5, d=%7
})";

// In kernels that subtract, takes the operands the wrong way round: what a bad driver might do. Or only where
// such a kernel is not the only one.
class FaultyDevice final : public backends::Device {
 public:
  explicit FaultyDevice(std::unique_ptr<backends::Device> device, bool alone_too = true)
      : device_(std::move(device)), alone_too_(alone_too) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override {
    return device_->make_state(states);
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override {
    const auto lower = [&](const loop::Target& target) {
      loop::Program program = source.lower(target);
      for (loop::Step& step : program.steps) {
        if (!alone_too_ && program.steps.size() == 1) break;
        if (program.kernels[step.kernel].name.find("sub") != std::string::npos)
          std::swap(step.arguments.at(0), step.arguments.at(1));
      }
      return program;
    };
    return device_->compile({source.function, source.expand, lower});
  }

 private:
  std::unique_ptr<backends::Device> device_;
  bool alone_too_;
};

constexpr const char* kSubtraction = R"(func @f(%x: f32[3,5], %y: f32[3,5], %z: f32[5,2]) {
  %0: f32[3,5] = sub %x, %y @"model.cc":7 "encoder.0"
  %1: f32[3,2] = contract %0, %z {dims="ik,kj->ij"}
  return %0, %1
})";

TEST(Check, EveryKernelAgreesWithTheReference) {
  const graph::Module module = graph::parse(kModel);
  const auto check = [&](const char* name, bool fuse) {
    const auto device = backends::open_device(name, 2);
    const CheckResult result = check_function(module, "f", *device, {.fuse = fuse});
    EXPECT_EQ(result.disagreement, "") << name;
    return result.kernels;
  };
  EXPECT_GE(check("cpu", true), 4);
  EXPECT_GE(check("cpu", false), 15);
  EXPECT_GE(check("vulkan", true), 4);
}

// The gradient of attention is told the sums of its rows, which must be those of its scores.
TEST(Check, RunsAttentionBeforeItsGradient) {
  const graph::Module module = graph::parse(R"(func @f(%q: f32[2,3,10,16], %k: f32[2,3,10,16]) {
  %0: f32[2,3,10,16] = attention %q, %k, %k {scale=0.25}
  %1: f32[2,3,10,16] = attention %0, %k, %q {causal=true, scale=0.25}
  %2: f32[2,3,10,16] = mul %1, %1
  %3: f32[] = reduce_sum %2 {axes=[0,1,2,3]}
  %4: f32[2,3,10,16], %5: f32[2,3,10,16] = grad %3, %q, %k
  return %4, %5
})");
  for (const char* name : {"cpu", "vulkan"}) {
    const auto device = backends::open_device(name, 2);
    EXPECT_THAT(passes::explain(lower_function(module, "f", *device)), HasSubstr("attention_backward"));
    EXPECT_EQ(check_function(module, "f", *device).disagreement, "") << name;
  }
}

TEST(Check, NamesTheKernelThatIsWrong) {
  const graph::Module module = graph::parse(kSubtraction);
  for (const char* name : {"cpu", "vulkan"}) {
    const FaultyDevice device(backends::open_device(name, 1));
    const CheckResult result = check_function(module, "f", device);
    EXPECT_THAT(result.disagreement, HasSubstr("kernel 'sub at encoder.0' disagrees with the reference:\n  "
                                               "output 0 ["));
    EXPECT_THAT(result.disagreement,
                ContainsRegex("\\[[0-2],[0-4]\\] is [-0-9.]+, expected [-0-9.]+ within [0-9.e-]+\n"));
    EXPECT_THAT(result.disagreement, HasSubstr("in it: sub model.cc:7, in encoder.0"));
  }
}

TEST(Check, NamesTheKernelThatIsWrongAsAPartOfTheProgram) {
  // The difference is read twice, so that it is a kernel of its own.
  const graph::Module module = graph::parse(R"(func @f(%x: f32[3,5], %y: f32[3,5], %z: f32[5,2]) {
  %0: f32[3,5] = exp %x
  %1: f32[3,5] = cumsum %0 {axis=1, reverse=false}
  %2: f32[3,5] = sub %1, %y @"model.cc":7 "encoder.0"
  %3: f32[3,5] = cumsum %2 {axis=1, reverse=false}
  %4: f32[3,2] = contract %3, %z {dims="ik,kj->ij"}
  return %4
})");
  for (const char* name : {"cpu", "vulkan"}) {
    const FaultyDevice device(backends::open_device(name, 1), false);
    const CheckResult result = check_function(module, "f", device);
    EXPECT_THAT(
        result.disagreement,
        ContainsRegex("^'f' disagrees with the reference, though each of its kernels by itself "
                      "agrees:\n  output 0 \\[[0-2],[01]\\] is .*\n"
                      "  first in kernel '.*sub.* at encoder.0': output [0-9] \\[[0-2],[0-4]\\] is "));
    EXPECT_THAT(result.disagreement, HasSubstr("\n  in it: sub model.cc:7, in encoder.0"));
  }
}

// Parameters and moments are not zeros, where nothing would come out wrong.
TEST(Check, DrawsState) {
  const graph::Module module = graph::parse(R"(state @w: f32[3,5]

func @f(%x: f32[3,5]) {
  %0: f32[3,5] = read {state="w"}
  return %0
})");
  const auto device = backends::open_device("cpu", 1);
  const auto executable = compile_function(module, "f", *device);
  const graph::Module other = graph::parse(R"(state @w: f32[3,5]

func @f(%x: f32[3,5]) {
  %0: f32[3,5] = constant {dtype=f32, shape=[3,5], value=0.0}
  write %0 {state="w"}
  return %0
})");
  EXPECT_THAT(difference_on_random_inputs(other, *other.find_function("f"), *device, *executable),
              HasSubstr("output 0 ["));
}

TEST(Check, AProgramChecksAllItsFunctions) {
  Program program;
  program.add("double", {{"x", f32, {7}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + in["x"]}};
  });
  program.add("square", {{"x", f32, {7}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] * in["x"]}};
  });
  program.compile({.device = "vulkan"});
  const CheckReport report = program.check();
  EXPECT_EQ(report.kernels, 2);
  EXPECT_EQ(report.disagreement, "");
}

TEST(Check, TheReferenceHasNoKernels) {
  const auto device = backends::open_device("reference");
  EXPECT_EQ(check_function(graph::parse(kSubtraction), "f", *device).kernels, 0);
}

}  // namespace
}  // namespace sinter
