#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Extents that are made from Dims, and where Dims get their sizes.
namespace sinter {
namespace {

const Dim kBatch{"batch"};
const Dim kTime{"time"};

Array counting(Shape shape) {
  Array array(f32, std::move(shape));
  std::iota(array.values<float>().begin(), array.values<float>().end(), 0.F);
  return array;
}

// The program of one function "f", on the reference device.
Program program_of(std::vector<Input> inputs, const Program::Body& body, const DimSizes& dims = {}) {
  Program program;
  program.add("f", std::move(inputs), body);
  program.compile({.device = "reference", .dims = dims});
  return program;
}

TEST(Extent, PrintsInLowestTerms) {
  EXPECT_EQ(Extent(kBatch).text(), "batch");
  EXPECT_EQ((2 * kBatch + 1).text(), "2*batch + 1");
  EXPECT_EQ(((kBatch - 1) / 2).text(), "(batch - 1)/2");
  EXPECT_EQ((8 - kBatch).text(), "-batch + 8");
  EXPECT_EQ((kBatch * 6 / 4).text(), "3*batch/2");
  EXPECT_EQ((kBatch / 2 * 2).text(), "batch");
  EXPECT_EQ((kBatch / -2).text(), "-batch/2");
  EXPECT_EQ((kBatch * 0 + 3).text(), "3");
  EXPECT_EQ((Extent(7) / 2).text(), "7/2");
  EXPECT_EQ(Extents({kBatch, 2 * kTime, 3}).text(), "[batch,2*time,3]");
}

TEST(Extent, IsExact) {
  const Extent extent = (3 * kBatch + 2) / 4;
  EXPECT_EQ(extent.bound(2), 2);
  EXPECT_EQ(extent.bound(6), 5);
  EXPECT_EQ(extent.bound(3), std::nullopt);
  EXPECT_EQ(extent.bound(-2), std::nullopt);
  EXPECT_EQ(extent.bound(INT64_MAX), std::nullopt);
  EXPECT_EQ(extent.solved(5), 6);
  EXPECT_EQ(extent.solved(4), std::nullopt);
  EXPECT_EQ(extent.solved(INT64_MAX), std::nullopt);
  EXPECT_EQ((8 - kBatch).bound(8), 0);
  EXPECT_EQ((8 - kBatch).bound(9), std::nullopt);
  EXPECT_EQ((8 - kBatch).solved(3), 5);
  EXPECT_EQ((8 - kBatch).solved(9), std::nullopt);
  EXPECT_EQ(Extent(-1).bound(5), -1);
  EXPECT_EQ(Extent(5).solved(5), std::nullopt);
}

TEST(Extent, RefusesWhatIsNoNumber) {
  EXPECT_EQ(message_of([] { (void)(kBatch / 0); }), "extent batch: division by 0");
  EXPECT_EQ(message_of([] { (void)(kBatch * INT64_MAX * 2); }),
            "extent (9223372036854775807*batch) * 2: the numbers are too large");
  EXPECT_EQ(message_of([] { (void)(kBatch + INT64_MAX + 1); }),
            "extent batch + 9223372036854775807 + 1: the numbers are too large");
  EXPECT_EQ(message_of([] { Dim no{""}; }), "'' does not name a Dim: letters, digits and '_' do");
  EXPECT_EQ(message_of([] { Dim no{"a b"}; }), "'a b' does not name a Dim: letters, digits and '_' do");
}

TEST(FreeDims, AreSolvedFromTheArrays) {
  Program program = program_of({{"x", f32, {kBatch, 3}}}, [](const Inputs& in) -> Outputs {
    return {{"y", sum(in["x"], 0)}};
  });
  EXPECT_THAT(floats(program.run("f", {{"x", counting({2, 3})}}).at("y")), testing::ElementsAre(3, 5, 7));
  EXPECT_THAT(floats(program.run("f", {{"x", counting({4, 3})}}).at("y")), testing::ElementsAre(18, 22, 26));
  EXPECT_THAT(floats(program.run("f", {{"x", counting({0, 3})}}).at("y")), testing::ElementsAre(0, 0, 0));
  Function three = program.function("f", {{kBatch, 3}});
  EXPECT_EQ(three.inputs()[0].shape, (Shape{3, 3}));
}

TEST(FreeDims, AreSolvedFromAnyInput) {
  // The first input has an extent that does not say what the Dim is; the second one does.
  Program program = program_of({{"bias", f32, {3}}, {"pairs", f32, {2 * kBatch, 3}}, {"x", f32, {kBatch, 3}}},
                               [](const Inputs& in) -> Outputs {
                                 const Tensor pairs = sum(reshape(in["pairs"], {kBatch, 2, 3}), 1);
                                 return {{"y", sum(pairs + in["x"] + in["bias"], 0)}};
                               });
  const Arrays inputs = {{"bias", counting({3})}, {"pairs", counting({4, 3})}, {"x", counting({2, 3})}};
  // Columns of pairs add up to 18, 22, 26, of x to 3, 5, 7; the bias is added twice.
  EXPECT_THAT(floats(program.run("f", inputs).at("y")), testing::ElementsAre(21, 29, 37));
}

TEST(FreeDims, AllInputsMustAgree) {
  Program program =
      program_of({{"pairs", f32, {2 * kBatch}}, {"x", f32, {kBatch, 3}}}, [](const Inputs& in) -> Outputs {
        return {{"y", sum(in["x"]) + sum(in["pairs"])}};
      });
  const auto message = [&](Array pairs, Array x) {
    return message_of([&] { program.run("f", {{"pairs", std::move(pairs)}, {"x", std::move(x)}}); });
  };
  EXPECT_EQ(message(counting({6}), counting({3, 3})), "");
  EXPECT_EQ(message(counting({6}), counting({2, 3})),
            "f: input 'x' is f32[batch,3], got f32[2,3]; 'pairs' gives batch = 3");
  EXPECT_EQ(message(counting({5}), counting({2, 3})),
            "f: input 'pairs' is f32[2*batch], got f32[5], which no 'batch' gives");
  EXPECT_EQ(message(counting({6, 1}), counting({3, 3})), "f: input 'pairs' is f32[2*batch], got f32[6,1]");
  EXPECT_EQ(message(Array(i32, {6}), counting({3, 3})), "f: input 'pairs' is f32[2*batch], got i32[6]");
  EXPECT_EQ(message(counting({6}), counting({3, 4})), "f.batch_3: input 'x' is f32[3,3], got f32[3,4]");
  EXPECT_EQ(message(Array(), counting({3, 3})), "f: input 'pairs' is undefined");
}

TEST(FreeDims, BoundOnesAreNotFree) {
  Program program = program_of({{"x", f32, {kBatch, kTime}}},
                               [](const Inputs& in) -> Outputs {
                                 return {{"y", sum(in["x"])}};
                               },
                               {{kBatch, 2}});
  EXPECT_EQ(program.run("f", {{"x", counting({2, 3})}}).at("y").item<float>(), 15);
  EXPECT_EQ(message_of([&] {
              program.run("f", {{"x", counting({3, 2})}});
            }),
            "f.time_2: input 'x' is f32[2,2], got f32[3,2]");
  EXPECT_EQ(program.run("f", {{"x", counting({3, 2})}}, {{kBatch, 3}}).at("y").item<float>(), 15);
}

TEST(FreeDims, AMistakeInTheModelShowsWhenCompiling) {
  EXPECT_THAT(
      message_of([] {
        program_of({{"x", f32, {kBatch, 3}}}, [](const Inputs& in) -> Outputs {
          return {{"y", reshape(in["x"], {kBatch, 4})}};
        });
      }),
      testing::MatchesRegex("reshape: .*extent_test.cc:[0-9]+.*; tried with batch = 2, as compile was "
                            "given no size"));
}

// A positional table that is shorter than most sizes, windows that are longer than the least.
TEST(FreeDims, TryUntilTheModelTakesOne) {
  Program shorter = program_of({{"x", f32, {kTime}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + slice(constant(counting({1})), 0, 0, in["x"].dim(0))}};
  });
  EXPECT_THAT(floats(shorter.run("f", {{"x", counting({1})}}).at("y")), testing::ElementsAre(0));
  Program longer = program_of({{"x", f32, {kTime}}}, [](const Inputs& in) -> Outputs {
    return {{"y", sum(window(in["x"], 0, 28), 1)}};
  });
  EXPECT_THAT(floats(longer.run("f", {{"x", counting({29})}}).at("y")), testing::ElementsAre(378, 406));
}

TEST(FreeDims, StateIsKnownAfterCompile) {
  nn::Module model;
  const nn::Linear layer(model, "layer", 3, 2);
  Program program = program_of({{"x", f32, {kBatch, 3}}}, [&](const Inputs& in) -> Outputs {
    return {{"y", layer(in["x"])}};
  });
  program.set_state("layer.weight", counting({3, 2}));
  program.set_state("layer.bias", counting({2}));
  EXPECT_THAT(floats(program.run("f", {{"x", counting({1, 3})}}).at("y")), testing::ElementsAre(10, 14));
}

TEST(Extents, OfInputsMustBeWhole) {
  Program program = program_of({{"x", f32, {kBatch / 2}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"]}};
  });
  EXPECT_EQ(message_of([&] {
              program.function("f", {{kBatch, 7}});
            }),
            "f: input 'x': batch/2 is no extent where batch = 7");
  EXPECT_EQ(message_of([&] {
              program.function("f", {{kBatch, -2}});
            }),
            "f: input 'x': batch/2 is no extent where batch = -2");
  EXPECT_EQ(program.function("f", {{kBatch, 8}}).inputs()[0].shape, (Shape{4}));
}

TEST(Extents, CreateReshapeAndBroadcast) {
  Program program = program_of({{"x", f32, {2 * kBatch}}}, [](const Inputs& in) -> Outputs {
    return {{"full", full({kBatch, 2}, 1.5)},
            {"zeros", zeros({kBatch + 1})},
            {"ones", ones({kBatch / 1})},
            {"iota", iota({2, kBatch}, 1)},
            {"arange", arange(kBatch - 1)},
            {"uniform", random_uniform({kBatch, 5})},
            {"normal", random_normal({5, 2 * kBatch})},
            {"reshape", reshape(in["x"], {kBatch, -1})},
            {"broadcast", broadcast_to(in["x"], {kBatch, 2 * kBatch})},
            {"like", zeros(in["x"].shape())}};
  });
  const Arrays y = program.run("f", {{"x", counting({6})}});
  EXPECT_EQ(y.at("full").shape(), (Shape{3, 2}));
  EXPECT_EQ(y.at("zeros").shape(), (Shape{4}));
  EXPECT_EQ(y.at("ones").shape(), (Shape{3}));
  EXPECT_THAT(y.at("iota").values<int32_t>(), testing::ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(y.at("arange").values<int32_t>(), testing::ElementsAre(0, 1));
  EXPECT_EQ(y.at("uniform").shape(), (Shape{3, 5}));
  EXPECT_EQ(y.at("normal").shape(), (Shape{5, 6}));
  EXPECT_EQ(y.at("reshape").shape(), (Shape{3, 2}));
  EXPECT_EQ(y.at("broadcast").shape(), (Shape{3, 6}));
  EXPECT_EQ(y.at("like").shape(), (Shape{6}));
}

TEST(Extents, InAModelSayWhereTheyDoNotFit) {
  int line = 0;
  Program program = program_of({{"x", f32, {kBatch}}}, [&](const Inputs&) -> Outputs {
    line = __LINE__ + 1;
    return {{"y", zeros({kBatch / 2, 3})}};
  });
  EXPECT_EQ(message_of([&] {
              program.function("f", {{kBatch, 5}});
            }),
            "full: batch/2 is no extent where batch = 5 (extent_test.cc:" + std::to_string(line) + ")");
  const auto of_time = [&](const Inputs&) -> Outputs {
    line = __LINE__ + 1;
    return {{"y", ones({kTime})}};
  };
  const std::string message = message_of([&] { program_of({}, of_time); });
  EXPECT_EQ(message,
            "full: 'time' has no size; give one to compile or function: {{\"time\", 32}} (extent_test.cc:" +
                std::to_string(line) + ")");
  // A Dim of no input gets its size from compile, or for a call.
  Program sized = program_of({}, of_time, {{kTime, 2}});
  EXPECT_EQ(sized.run("f", {}).at("y").shape(), (Shape{2}));
  EXPECT_EQ(sized.run("f", {}, {{kTime, 5}}).at("y").shape(), (Shape{5}));
  EXPECT_EQ(message_of([&] { sized.function("f", {{kBatch, 5}}); }), "f: no input has a 'batch'");
}

TEST(Extents, StateHasNoDim) {
  nn::Module model("model");
  EXPECT_THAT(
      message_of([&] {
        nn::Parameter cache(model, "cache", {2 * kBatch, 4}, Initializer::zeros());
      }),
      testing::StartsWith("state 'model.cache': cannot be [2*batch,4]: 2*batch has a Dim, and state has "
                          "one shape in all calls, but for an nn::Cache of a session (extent_test.cc:"));
  EXPECT_THAT(
      message_of([&] {
        nn::Buffer cache(model, "cache", {4, kBatch});
      }),
      testing::StartsWith("state 'model.cache': cannot be [4,batch]: batch has a Dim, and state has one "
                          "shape in all calls, but for an nn::Cache of a session (extent_test.cc:"));
  // Nor by way of a tensor's shape.
  std::deque<nn::Module> models;
  std::deque<nn::Buffer> buffers;
  Program program = program_of({{"x", f32, {kBatch, 4}}}, [&](const Inputs& in) -> Outputs {
    buffers.emplace_back(models.emplace_back(), "cache", in["x"].shape());
    return {{"y", in["x"] + buffers.back()}};
  });
  EXPECT_EQ(
      message_of([&] {
        program.function("f", {{kBatch, 3}});
      }),
      "state 'cache' is both f32[2,4] and f32[3,4]: of two models or optimisers in a program each needs a "
      "name: Module(\"name\"), {.name = \"name\"}; and state has no Dim, but one shape in all calls");
}

}  // namespace
}  // namespace sinter
