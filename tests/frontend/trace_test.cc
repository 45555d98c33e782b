#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"

// The graphs that models become.
namespace sinter {
namespace {

TEST(Trace, OperatorsBroadcastAndTakeNumbers) {
  EXPECT_EQ(graph_of([] {
              return 2 * iota({2, 3}, 1) + 1;
            }),
            R"(func @f() {
  %0: i32[2,3] = iota {axis=1, dtype=i32, shape=[2,3]}
  %1: i32[] = constant {dtype=i32, shape=[], value=2}
  %2: i32[2,3] = broadcast %1 {dims=[], shape=[2,3]}
  %3: i32[2,3] = mul %2, %0
  %4: i32[] = constant {dtype=i32, shape=[], value=1}
  %5: i32[2,3] = broadcast %4 {dims=[], shape=[2,3]}
  %6: i32[2,3] = add %3, %5
  return y=%6
}
)");
}

TEST(Trace, StateIsReadOnceAndWrittenAtTheEnd) {
  nn::Module root;
  nn::Buffer count(root, "count", {}, Initializer::zeros(), i32);
  EXPECT_EQ(graph_of([&] {
              count.assign(count + 1);
              count.assign(count * count);
              return count.read();
            }),
            R"(state @count: i32[]

func @f() {
  %0: i32[] = read {state="count"}
  %1: i32[] = constant {dtype=i32, shape=[], value=1}
  %2: i32[] = add %0, %1
  %3: i32[] = mul %2, %2
  write %3 {state="count"}
  return y=%3
}
)");
}

TEST(Trace, AttentionIsOneOp) {
  nn::Module root;
  nn::MultiHeadAttention attention(root, "attention", {.width = 8, .heads = 2, .bias = false});
  EXPECT_EQ(graph_of([&] {
              const Tensor lengths = full({3}, 4, i32);
              return attention(zeros({3, 5, 8}), {.lengths = lengths});
            }),
            R"(state @attention.query.weight: f32[8,8]
state @attention.key.weight: f32[8,8]
state @attention.value.weight: f32[8,8]
state @attention.output.weight: f32[8,8]

func @f() {
  %0: i32[3] = constant {dtype=i32, shape=[3], value=4}
  %1: f32[3,5,8] = constant {dtype=f32, shape=[3,5,8], value=0.0}
  %2: f32[8,8] = read {state="attention.query.weight"}
  %3: f32[3,5,8] = contract %1, %2 {dims="Amk,kn->Amn"}
  %4: f32[3,5,2,4] = reshape %3 {shape=[3,5,2,4]}
  %5: f32[3,2,5,4] = transpose %4 {permutation=[0,2,1,3]}
  %6: f32[8,8] = read {state="attention.key.weight"}
  %7: f32[3,5,8] = contract %1, %6 {dims="Amk,kn->Amn"}
  %8: f32[3,5,2,4] = reshape %7 {shape=[3,5,2,4]}
  %9: f32[3,2,5,4] = transpose %8 {permutation=[0,2,1,3]}
  %10: f32[8,8] = read {state="attention.value.weight"}
  %11: f32[3,5,8] = contract %1, %10 {dims="Amk,kn->Amn"}
  %12: f32[3,5,2,4] = reshape %11 {shape=[3,5,2,4]}
  %13: f32[3,2,5,4] = transpose %12 {permutation=[0,2,1,3]}
  %14: f32[3,2,5,4] = attention %5, %9, %13, %0 {bias=false, causal=false, lengths=true, mask=false, scale=0.5}
  %15: f32[3,5,2,4] = transpose %14 {permutation=[0,2,1,3]}
  %16: f32[3,5,8] = reshape %15 {shape=[3,5,8]}
  %17: f32[8,8] = read {state="attention.output.weight"}
  %18: f32[3,5,8] = contract %16, %17 {dims="Amk,kn->Amn"}
  return y=%18
}
)");
}

TEST(Trace, LibraryCodeStandsAtTheLineOfItsCall) {
  nn::Module root;
  nn::FeedForward layer(root, "layer", {.width = 2, .hidden = 3});
  Program program;
  int line = 0;
  program.add("f", {{"x", f32, {1, 2}}}, [&](const Inputs& in) -> Outputs {
    line = __LINE__ + 1;
    return {{"y", layer(in["x"])}};
  });
  program.compile({.device = "reference"});
  const std::string text = program.text("f");
  const std::string place = "@\"trace_test.cc\":" + std::to_string(line);
  EXPECT_THAT(text, testing::HasSubstr("relu %4 " + place + " \"layer\""));
  EXPECT_THAT(text, testing::HasSubstr("{state=\"layer.expand.weight\"} " + place + " \"layer.expand\""));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("layers.cc")));
}

TEST(Trace, DropoutWorksInTrainingOnly) {
  const auto dropped = [] { return dropout(ones({2}), 0.5); };
  EXPECT_THAT(graph_of(dropped), testing::Not(testing::HasSubstr("dropout")));
  EXPECT_THAT(graph_of(dropped, {.training = true}), testing::HasSubstr("= dropout %0"));
}

TEST(Trace, BodiesCaptureWhatIsAroundThem) {
  nn::Module root;
  nn::Parameter weight(root, "weight", {2}, Initializer::ones());
  const auto body = [&] {
    const Tensor scale = full({}, 3);
    return checkpoint([&](const Tensor& x) { return x * weight * scale + weight; }, row({1, 2}));
  };
  EXPECT_THAT(
      graph_of(body),
      testing::HasSubstr("func @f.checkpoint0(%input0: f32[2], %captured0: f32[2], %captured1: f32[])"));
  EXPECT_THAT(evaluate_floats(body), testing::ElementsAre(4, 7));
}

}  // namespace
}  // namespace sinter
