#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

struct Model : nn::Module {
  nn::Embedding words{*this, "words", 1000, 64, {.deviation = 0.5}};
  nn::Linear classes{*this, "classes", 64, 5};
  Tensor operator()(const Tensor& ids) { return classes(words(ids)); }
};

// train, evaluate and predict over one model.
struct Tagger {
  Model model;
  SGD optimizer{{.learning_rate = 0.1}};
  Dim batch{"batch"};
  Program program;

  Tagger() {
    program.add("train", {{"ids", i32, {batch, 10}}, {"labels", i32, {batch, 10}}},
                [&](const Inputs& in) -> Outputs {
                  const Tensor loss = cross_entropy(model(in["ids"]), in["labels"]);
                  return {{"loss", optimizer.minimize(loss).loss}};
                },
                {.training = true});
    program.add("predict", {{"ids", i32, {batch, 10}}}, [&](const Inputs& in) -> Outputs {
      return {{"scores", model(in["ids"])}, {"best", argmax(model(in["ids"]), -1)}};
    });
  }
  void compile(uint64_t seed = 1) {
    program.compile({.device = "reference", .seed = seed, .dims = {{"batch", 4}}});
  }
};

Array ids_of(int64_t batch) {
  Array ids(i32, {batch, 10});
  int32_t next = 0;
  for (int32_t& id : ids.values<int32_t>()) id = next++ * 7 % 1000;
  return ids;
}

TEST(Program, FunctionsShareState) {
  Tagger tagger;
  tagger.compile();
  const std::vector<float> before = floats(tagger.program.run("predict", {{"ids", ids_of(4)}}).at("scores"));
  Function step = tagger.program.function("train");
  step.set_input("ids", ids_of(4));
  step.run();
  const float first = step.value<float>("loss");
  for (int i = 0; i < 5; ++i) step.run();
  EXPECT_LT(step.value<float>("loss"), first);
  EXPECT_NE(floats(tagger.program.run("predict", {{"ids", ids_of(4)}}).at("scores")), before);
}

TEST(Program, CountsTheCallsThatWriteState) {
  Tagger tagger;
  tagger.compile();
  tagger.program.run("predict", {{"ids", ids_of(4)}});
  EXPECT_EQ(tagger.program.step(), 0u);
  Function step = tagger.program.function("train");
  step.run();
  step.run();
  EXPECT_EQ(tagger.program.step(), 2u);
}

TEST(Program, OneFunctionForSeveralSizes) {
  Tagger tagger;
  tagger.compile();
  Function one = tagger.program.function("predict", {{"batch", 1}});
  EXPECT_EQ(one.inputs()[0].shape, (Shape{1, 10}));
  one.set_input("ids", ids_of(1));
  one.run();
  const std::vector<float> four = floats(tagger.program.run("predict", {{"ids", ids_of(4)}}).at("scores"));
  EXPECT_THAT(floats(one.output("scores")),
              testing::Pointwise(testing::FloatEq(), std::vector<float>(four.begin(), four.begin() + 50)));
}

TEST(Program, SaysWhatIsWrongWithACall) {
  Tagger tagger;
  tagger.compile();
  Program& program = tagger.program;
  EXPECT_EQ(message_of([&] {
              program.run("predict", {{"ids", Array(f32, {4, 10})}});
            }),
            "predict: input 'ids' is i32[4,10], got f32[4,10]");
  EXPECT_EQ(message_of([&] {
              program.run("predict", {{"ids", Array(i32, {4, 9})}});
            }),
            "predict: input 'ids' is i32[4,10], got i32[4,9]");
  EXPECT_EQ(message_of([&] {
              program.run("predict", {{"words", ids_of(4)}});
            }),
            "predict: no input is called 'words'; inputs are 'ids'");
  EXPECT_EQ(message_of([&] {
              program.run("train", {{"ids", ids_of(4)}});
            }),
            "train: input 'labels' is missing");
  EXPECT_EQ(message_of([&] { program.run("trian", {}); }),
            "no function is called 'trian'; functions are 'train', 'predict'");
  EXPECT_EQ(message_of([&] { program.function("train").input<float>("ids"); }),
            "train: input 'ids' is i32[4,10], asked for as f32");
  EXPECT_EQ(message_of([&] { program.function("train").output<float>("scores"); }),
            "train: no output is called 'scores'; outputs are 'loss'");
  EXPECT_EQ(message_of([&] {
              program.function("predict", {{"time", 3}});
            }),
            "predict: no input has a 'time'");
  EXPECT_EQ(message_of([&] { program.set_state("classes.bias", Array(f32, {4})); }),
            "state 'classes.bias' is f32[5], got f32[4]");
}

TEST(Program, ADimNeedsASize) {
  Tagger tagger;
  tagger.program.compile({.device = "reference"});
  EXPECT_EQ(message_of([&] { tagger.program.function("train"); }),
            "train: 'batch' of input 'ids' has no size; give one to compile or function: {{\"batch\", 32}}");
}

TEST(Program, AFailedCallChangesNothing) {
  Tagger tagger;
  tagger.compile();
  Array ids = ids_of(4);
  ids.values<int32_t>()[12] = 1000;
  const std::vector<float> before = floats(tagger.program.state("classes.weight"));
  const std::string message = message_of([&] {
    tagger.program.run("train", {{"ids", ids}, {"labels", Array(i32, {4, 10})}});
  });
  EXPECT_THAT(message, testing::HasSubstr("Embedding: index 1000 at position [1,2]"));
  EXPECT_THAT(message, testing::HasSubstr("in words"));
  EXPECT_EQ(floats(tagger.program.state("classes.weight")), before);
  EXPECT_EQ(tagger.program.step(), 0u);
}

TEST(Program, ParametersBeginByTheirInitialisers) {
  Tagger tagger;
  tagger.compile();
  double sum = 0, squares = 0;
  const Array table = tagger.program.state("words.weight");
  for (float x : table.values<float>()) {
    sum += x;
    squares += x * x;
  }
  const double count = 64000;
  EXPECT_NEAR(sum / count, 0, 4 * 0.5 / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(squares / count), 0.5, 4 * 0.5 / std::sqrt(2 * count));
  float largest = 0;
  for (float x : floats(tagger.program.state("classes.weight"))) largest = std::max(largest, std::abs(x));
  EXPECT_LE(largest, 0.125f);  // 1 / sqrt(64)
  EXPECT_GT(largest, 0.12f);
}

TEST(Program, TheSeedDecidesTheBeginning) {
  Tagger one, again, other;
  one.compile(7);
  again.compile(7);
  other.compile(8);
  const std::vector<float> weights = floats(one.program.state("classes.weight"));
  EXPECT_EQ(weights, floats(again.program.state("classes.weight")));
  EXPECT_NE(weights, floats(other.program.state("classes.weight")));
  EXPECT_NE(weights[0], floats(one.program.state("classes.bias"))[0]);
}

TEST(Program, SavesAndLoads) {
  const std::string path = testing::TempDir() + "program_test.safetensors";
  Tagger trained, fresh;
  trained.compile(1);
  trained.program.function("train").run();
  trained.program.save(path);
  fresh.compile(2);
  fresh.program.load(path);
  EXPECT_EQ(floats(fresh.program.state("words.weight")), floats(trained.program.state("words.weight")));
  EXPECT_EQ(fresh.program.step(), 1u);
  std::remove(path.c_str());
}

TEST(Program, ListsItsState) {
  Tagger tagger;
  tagger.compile();
  std::vector<std::string> names;
  for (const TensorInfo& info : tagger.program.states()) {
    names.push_back(info.name + (info.trainable ? "" : "*"));
  }
  EXPECT_THAT(names, testing::ElementsAre("words.weight", "classes.weight", "classes.bias", "sgd.step*"));
}

}  // namespace
}  // namespace sinter
