#include "backends/reference/interpreter.h"

#include <gmock/gmock.h>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "ir/graph/widen.h"
#include "runtime/error.h"
#include "runtime/random.h"
#include "tests/reference/rows.h"
#include "tests/support/message_of.h"

namespace sinter::reference::test {
namespace {

using runtime::HostTensor;
using testing::ElementsAre;

// Runs the last function of a module's text.
std::vector<HostTensor> run(const std::string& text, const std::vector<Literal>& inputs,
                            const EvaluateState& state = {}) {
  const graph::Module module = graph::parse(text);
  std::vector<HostTensor> tensors;
  for (const Literal& input : inputs) tensors.push_back(to_tensor(input));
  return evaluate(module, *module.functions.back(), tensors, state);
}

TEST(Interpreter, CallsAndBarriers) {
  const auto out = run(R"(
func @twice(%x: f32[2], %y: f32[2]) {
  %0: f32[2] = add %x, %y
  return sum=%0, first=%x
}
func @f(%a: f32[2]) {
  %0: f32[2], %1: f32[2] = call %a, %a {function="twice"}
  %2: f32[2], %3: f32[2] = barrier %0, %1
  return %2, %3
})",
                       {f32({2}, {1, 2})});
  expect_equal(out[0], f32({2}, {2, 4}), 0);
  expect_equal(out[1], f32({2}, {1, 2}), 0);
}

constexpr const char* kScan = R"(
func @body(%carry: f32[], %x: f32[], %scale: f32[]) {
  %0: f32[] = mul %carry, %scale
  %1: f32[] = add %0, %x
  return %1, %carry
}
func @f(%start: f32[], %xs: f32[3], %scale: f32[]) {
  %0: f32[], %1: f32[3] = scan %start, %xs, %scale {carries=1, constants=1, function="body", length=3, reverse=REVERSE}
  return %0, %1
})";

std::string scan_text(const std::string& reverse) {
  std::string text = kScan;
  return text.replace(text.find("REVERSE"), 7, reverse);
}

// carry' = 10 carry + x, the old carry kept of each step.
TEST(Interpreter, ScansForwardsAndBackwards) {
  const std::vector<Literal> inputs{f32({}, {1}), f32({3}, {2, 3, 4}), f32({}, {10})};
  const auto forwards = run(scan_text("false"), inputs);
  expect_equal(forwards[0], f32({}, {1234}), 0);
  expect_equal(forwards[1], f32({3}, {1, 12, 123}), 0);
  const auto backwards = run(scan_text("true"), inputs);
  expect_equal(backwards[0], f32({}, {1432}), 0);
  expect_equal(backwards[1], f32({3}, {143, 14, 1}), 0);
}

TEST(Interpreter, RunsTheBodyOfAKernel) {
  const auto out = run(R"(
func @f(%x: f32[2]) {
  %0: f32[2], %1: f32[2] = kernel %x {anchor="map"} (%a: f32[2]) {
    %0: f32[2] = mul %a, %a
    %1: f32[2] = neg %0
    return square=%0, negative=%1
  }
  return %1
})",
                       {f32({2}, {3, -2})});
  expect_equal(out[0], f32({2}, {-9, -4}), 0);
}

TEST(Interpreter, RefusesAGradient) {
  EXPECT_THROW(run(R"(
func @f(%x: f32[]) {
  %0: f32[] = mul %x, %x
  %1: f32[] = grad %0, %x
  return %1
})",
                   {f32({}, {1})}),
               InternalError);
}

TEST(Interpreter, NamesAnInputThatDoesNotFit) {
  const std::string text = "func @f(%x: f32[2], %ids: i32[]) {\n  return %x\n}";
  EXPECT_EQ(message_of([&] { run(text, {f32({2}, {1, 2})}); }), "'f' takes 2 inputs, got 1");
  EXPECT_EQ(message_of([&] {
              run(text, {f32({2}, {1, 2}), i32({1}, {1})});
            }),
            "'f' takes 'ids' as i32[], got i32[1]");
}

constexpr const char* kStep = R"(
state @count: i32[]

func @f(%x: f32[2]) {
  %0: i32[] = read {state="count"}
  %1: i32[] = constant {dtype=i32, shape=[], value=1}
  %2: i32[] = add %0, %1
  write %2 {state="count"}
  %3: i32[] = read {state="count"}
  %4: f32[2] = check_finite %x {what="loss"} @"train.cpp":30
  return before=%0, after=%3
})";

TEST(Interpreter, WritesStateOnlyWhereNothingFailed) {
  runtime::HostState state({{"count", runtime::DType::i32, {}}});
  const EvaluateState context{&state};
  const auto out = run(kStep, {f32({2}, {1, 2})}, context);
  expect_equal(out[0], i32({}, {0}), 0);
  expect_equal(out[1], i32({}, {1}), 0);
  expect_equal(state.get("count"), i32({}, {1}), 0);
  EXPECT_EQ(message_of([&] {
              run(kStep, {f32({2}, {1, kNan})}, context);
            }),
            "loss is not finite: nan at position [1] (train.cpp:30)");
  expect_equal(state.get("count"), i32({}, {1}), 0);
  EXPECT_EQ(message_of([&] { run(kStep, {f32({2}, {1, 2})}); }), "no state is given, and 'count' is needed");
}

// The index is followed back through views, casts, checks and calls.
TEST(Interpreter, NamesTheInputOfAnIndexOutOfRange) {
  const std::string embed = R"(
func @embed(%table: f32[5,2], %index: i64[2,2]) {
  %0: i64[4] = reshape %index {shape=[4]}
  %1: f32[4,2] = gather %table, %0 {axis=0} @"model.cpp":12 "words"
  return %1
}
func @f(%table: f32[5,2], %ids: i32[2,2]) {
  %0: i64[2,2] = cast %ids {dtype=i64}
  %1: f32[4,2] = call %table, %0 {function="embed"}
  return %1
})";
  const Literal table = f32({5, 2}, std::vector<double>(10));
  EXPECT_EQ(message_of([&] {
              run(embed, {table, i32({2, 2}, {0, 1, 5, 2})});
            }),
            "gather: index 5 at position [2] of 'ids' is outside [0,5) (model.cpp:12, in words)");

  const std::string loss = R"(
func @f(%logits: f32[3,2], %labels: i32[3]) {
  %0: f32[] = cross_entropy %logits, %labels {ignore_index=-1} @"model.cpp":7
  return %0
})";
  EXPECT_EQ(message_of([&] {
              run(loss, {f32({3, 2}, std::vector<double>(6)), i32({3}, {-1, 1, -2})});
            }),
            "cross_entropy: index -2 at position [2] of 'labels' is outside [0,2) (model.cpp:7)");

  const std::string scatter = R"(
func @f(%base: f32[3], %x: i32[1]) {
  %0: i32[1] = add %x, %x
  %1: f32[1] = constant {dtype=f32, shape=[1], value=1.0}
  %2: f32[3] = scatter_add %base, %0, %1 {axis=0}
  return %2
})";
  EXPECT_EQ(message_of([&] {
              run(scatter, {f32({3}, {0, 0, 0}), i32({1}, {2})});
            }),
            "scatter_add: index 4 at position [0] of 'result of add' is outside [0,3)");
}

constexpr const char* kRandom = R"(
func @f(%salt: i32[]) {
  %0: i32[2] = random_bits %salt {key=7, shape=[2]}
  %1: f32[2] = random_uniform %salt {dtype=f32, key=7, shape=[2]}
  %2: f32[2] = random_normal %salt {dtype=f32, key=7, shape=[2]}
  %3: f64[2] = random_uniform {dtype=f64, key=7, shape=[2]}
  return %0, %1, %2, %3
})";

TEST(Interpreter, DrawsTheRuntimesNumbers) {
  EvaluateState state;
  state.seed = 0x123456789abcdef;
  state.step = 3;
  const auto out = run(kRandom, {i32({}, {4})}, state);
  const auto bits = [&](uint32_t salt, uint64_t element) {
    return runtime::random_bits({state.seed, state.step, 7, salt}, element);
  };
  EXPECT_THAT(out[0].values<int32_t>(),
              ElementsAre(static_cast<int32_t>(bits(4, 0).first), static_cast<int32_t>(bits(4, 1).first)));
  EXPECT_THAT(out[1].values<float>(),
              ElementsAre(runtime::uniform_f32(bits(4, 0)), runtime::uniform_f32(bits(4, 1))));
  EXPECT_THAT(out[2].values<float>(),
              ElementsAre(runtime::normal_f32(bits(4, 0)), runtime::normal_f32(bits(4, 1))));
  EXPECT_THAT(out[3].values<double>(),
              ElementsAre(runtime::uniform_f64(bits(0, 0)), runtime::uniform_f64(bits(0, 1))));
}

TEST(Widen, KeepsRandomNumbersMasksAndConstants) {
  const std::string text = R"(
func @f(%x: f32[64]) {
  %0: f32[64] = random_normal {dtype=f32, key=1, shape=[64]}
  %1: f32[64] = dropout %x {key=2, rate=0.3}
  %2: bool[64] = is_finite %1
  %3: f32[2] = constant {dtype=f32, shape=[2], values=[0.1,1e39]}
  return %0, %1, %2, %3
})";
  const graph::Module narrow = graph::parse(text), wide = graph::widen(narrow);
  graph::verify(wide);
  const Literal ones = f32({64}, std::vector<double>(64, 1));
  Literal wide_ones = ones;
  wide_ones.type.dtype = graph::DType::f64;
  const auto expected = evaluate(narrow, *narrow.functions[0], {to_tensor(ones)});
  const auto got = evaluate(wide, *wide.functions[0], {to_tensor(wide_ones)});
  int dropped = 0;
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(got[0].values<double>()[i], static_cast<double>(expected[0].values<float>()[i]));
    const bool zero = expected[1].values<float>()[i] == 0;
    EXPECT_EQ(got[1].values<double>()[i], zero ? 0 : 1 / 0.7);
    dropped += zero;
  }
  EXPECT_GT(dropped, 5);
  EXPECT_LT(dropped, 35);
  EXPECT_THAT(got[3].values<double>(), ElementsAre(static_cast<double>(0.1f), kInf));
}

TEST(Widen, ReachesStatesAndKernels) {
  const graph::Module wide = graph::widen(graph::parse(R"(
state @w: f32[2]

func @f(%x: f32[2]) {
  %0: f32[2] = read {state="w"}
  %1: f32[2] = kernel %0, %x {anchor="map"} (%a: f32[2], %b: f32[2]) {
    %0: f32[2] = add %a, %b
    return %0
  }
  write %1 {state="w"}
  return %1
})"));
  graph::verify(wide);
  EXPECT_EQ(print(wide).find("f32"), std::string::npos) << print(wide);
}

}  // namespace
}  // namespace sinter::reference::test
