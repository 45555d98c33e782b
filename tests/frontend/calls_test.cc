#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"
#include "tests/support/staging.h"

// Calls in two parts, and what their inputs are, on every device.
namespace sinter {
namespace {

struct Calls : testing::TestWithParam<const char*> {
  const DeviceByParam device{GetParam()};
  nn::Module root;
  nn::Buffer total{root, "total", {3}};
  Program program;
  bool computes_on_host = device.name() != "vulkan";

  void SetUp() override {
    // Adds a row of the table to the total.
    program.add("add", {{"table", f32, {4, 3}}, {"id", i32, {}}}, [this](const Inputs& in) -> Outputs {
      const Tensor row = gather(in["table"], in["id"]);
      total.assign(total + row);
      return {{"row", row}, {"total", total.read()}};
    });
    program.add("inverse", {{"x", f32, {3}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", check_finite(in["x"] / total.read(), "inverse")}};
    });
    program.add("twice", {{"x", f32, {3}}}, [](const Inputs& in) -> Outputs { return {{"y", in["x"] * 2}}; });
    program.add("draw", {{"x", f32, {64}}},
                [](const Inputs& in) -> Outputs {
                  return {{"y", dropout(in["x"], 0.5)}};
                },
                {.training = true});
    program.compile({.device = device.name(), .threads = 2});
  }

  static Array table() {
    return Array::from<float>({1, 2, 3, 10, 20, 30, 100, 200, 300, -1, -2, -3}, {4, 3});
  }
  Function adding(int32_t id) {
    Function add = program.function("add");
    add.set_input("table", table());
    add.set_input("id", Array::scalar(id));
    return add;
  }
  std::vector<float> totals() const { return floats(program.state("total")); }
};

INSTANTIATE_TEST_SUITE_P(Devices, Calls, testing::Values("reference", "cpu", "vulkan", kStaging),
                         [](const auto& of) { return name_of_device(of.param); });

TEST_P(Calls, StartsQueueInOrder) {
  Function first = adding(1), second = adding(2);
  for (int i = 0; i < 3; ++i) {
    first.start();
    second.start();
    first.wait();
    EXPECT_EQ(floats(first.output("row")), (std::vector<float>{10, 20, 30}));
    first.start();
    second.wait();
    first.wait();
  }
  EXPECT_EQ(totals(), (std::vector<float>{360, 720, 1080}));
  EXPECT_EQ(program.step(), 9u);
}

TEST_P(Calls, StateIsReadWhenWhatWasStartedHasEnded) {
  Function first = adding(1), second = adding(2);
  first.start();
  second.start();
  EXPECT_EQ(totals(), (std::vector<float>{110, 220, 330}));
  program.set_state("total", Array::from<float>({1, 1, 1}, {3}));
  first.wait();
  second.wait();
  EXPECT_EQ(totals(), (std::vector<float>{1, 1, 1}));
}

TEST_P(Calls, AFaultIsThrownByItsWaitAndLaterStartsRunOnUnchangedState) {
  Function bad = adding(4), good = adding(1);
  bad.start();
  good.start();
  EXPECT_THAT(message_of([&] { bad.wait(); }), testing::HasSubstr("gather: index 4 of 'id'"));
  good.wait();
  EXPECT_EQ(totals(), (std::vector<float>{10, 20, 30}));
  bad.set_input("id", Array::scalar<int32_t>(3));
  bad.run();
  EXPECT_EQ(totals(), (std::vector<float>{9, 18, 27}));
}

TEST_P(Calls, ACallThatFailsAloneIsNoStep) {
  Function bad = adding(-1);
  bad.start();
  EXPECT_THAT(message_of([&] { bad.wait(); }), testing::HasSubstr("index -1"));
  EXPECT_EQ(program.step(), 0u);
}

// What fails may no longer do so once later calls have written state: then its value is not known.
TEST_P(Calls, AFaultOfStateThatIsGoneIsTold) {
  Function inverse = program.function("inverse"), add = adding(1);
  inverse.set_input("x", Array::from<float>({1, 1, 2}, {3}));
  inverse.start();
  add.start();
  add.wait();
  EXPECT_THAT(message_of([&] { inverse.wait(); }),
              testing::StartsWith(computes_on_host ? "inverse is not finite: inf at position [0] ("
                                                   : "inverse is not finite at position [0] ("));
  inverse.run();
  EXPECT_EQ(floats(inverse.output("y"))[2], 2.f / 30);
}

TEST_P(Calls, AreForOneThingAtATime) {
  Function twice = program.function("twice"), other = program.function("twice");
  EXPECT_EQ(message_of([&] { twice.wait(); }), "twice: wait() for a call that was not started");
  twice.start();
  const std::string busy = "twice: the call was started; wait() for it first";
  EXPECT_EQ(message_of([&] { twice.start(); }), busy);
  EXPECT_EQ(message_of([&] { twice.run(); }), busy);
  EXPECT_EQ(message_of([&] { twice.input<float>("x"); }), busy);
  EXPECT_EQ(message_of([&] { twice.set_input("x", Array(f32, {3})); }), busy);
  EXPECT_EQ(message_of([&] { twice.bind("x", Array(f32, {3})); }), busy);
  EXPECT_EQ(message_of([&] { twice.bind("x", other, "y"); }), busy);
  EXPECT_EQ(message_of([&] { twice.set_call(1); }), busy);
  EXPECT_EQ(message_of([&] { twice.output("y"); }), busy);
  EXPECT_EQ(message_of([&] { twice.output<float>("y"); }), busy);
  EXPECT_EQ(message_of([&] { twice.value<float>("y"); }), busy);
  twice.wait();
  EXPECT_EQ(message_of([&] { twice.value<float>("y"); }), "f32[3] holds 3 values, not 1");
}

TEST_P(Calls, MayBeDroppedWhileTheyRun) {
  {
    Function add = adding(1);
    add.start();
  }
  std::optional<Function> bad = adding(5);
  bad->start();
  bad = adding(2);
  bad->start();
  bad.reset();
  EXPECT_EQ(totals(), (std::vector<float>{110, 220, 330}));
}

TEST_P(Calls, RandomNumbersFollowTheNumberOfTheCall) {
  const auto draw = [&](bool in_parts) {
    Function f = program.function("draw");
    for (float& x : f.input<float>("x")) x = 1;
    std::vector<std::vector<float>> all;
    for (int i = 0; i < 3; ++i) {
      if (in_parts) {
        f.start();
        f.wait();
      } else {
        f.run();
      }
      all.push_back(floats(f.output("y")));
    }
    return all;
  };
  EXPECT_EQ(draw(true), draw(false));
  EXPECT_NE(draw(true)[0], draw(true)[1]);
}

TEST_P(Calls, AProfileNotesThem) {
  Function add = adding(1), bad = adding(7);
  program.start_profile();
  add.start();
  bad.start();
  add.wait();
  EXPECT_THAT(message_of([&] { bad.wait(); }), testing::HasSubstr("index 7"));
  EXPECT_EQ(totals(), (std::vector<float>{10, 20, 30}));
  EXPECT_EQ(program.step(), 1u);
}

TEST_P(Calls, InputsAreBoundToArraysAndToOutputs) {
  const Array x = program.upload(Array::from<float>({1, 2, 3}, {3}));
  EXPECT_EQ(x.on_device(), !computes_on_host);
  Function first = program.function("twice"), second = program.function("twice");
  first.bind("x", x);
  second.bind("x", first, "y");
  for (int i = 0; i < 2; ++i) {
    first.run();
    second.run();
    EXPECT_EQ(floats(second.output("y")), (std::vector<float>{4, 8, 12}));
  }
  // Until they are something else.
  first.set_input("x", Array::from<float>({1, 1, 1}, {3}));
  first.run();
  second.run();
  EXPECT_EQ(floats(second.output("y")), (std::vector<float>{4, 4, 4}));
  for (float& value : second.input<float>("x")) value = 5;
  second.run();
  EXPECT_EQ(floats(second.output("y")), (std::vector<float>{10, 10, 10}));
  second.set_input("x", x);
  second.run();
  EXPECT_EQ(floats(second.output("y")), (std::vector<float>{2, 4, 6}));
  second.bind("x", first.output("y"));
  first.set_input("x", Array(f32, {3}));
  first.run();
  second.run();
  EXPECT_EQ(floats(second.output("y")), (std::vector<float>{4, 4, 4}));
  EXPECT_EQ(floats(program.run("twice", {{"x", x}}).at("y")), (std::vector<float>{2, 4, 6}));
}

TEST_P(Calls, WhatCannotBeBoundIsTold) {
  Function twice = program.function("twice"), add = program.function("add"), draw = program.function("draw");
  EXPECT_EQ(message_of([&] { twice.bind("x", Array(f32, {4})); }), "twice: input 'x' is f32[3], got f32[4]");
  EXPECT_EQ(message_of([&] { twice.bind("x", Array()); }), "twice: input 'x' is undefined");
  EXPECT_EQ(message_of([&] { twice.bind("z", Array(f32, {3})); }),
            "twice: no input is called 'z'; inputs are 'x'");
  EXPECT_EQ(message_of([&] { twice.bind("x", draw, "y"); }),
            "twice: input 'x' is f32[3], output 'y' of draw is f32[64]");
  EXPECT_EQ(message_of([&] { twice.bind("x", add, "y"); }),
            "add: no output is called 'y'; outputs are 'row', 'total'");
  EXPECT_EQ(message_of([&] { twice.bind("x", twice, "y"); }),
            "twice: input 'x' cannot be an output of the same call");
  EXPECT_EQ(message_of([&] { program.upload(Array()); }), "upload: the array is undefined");
  EXPECT_EQ(message_of([&] { Program().upload(Array(f32, {3})); }), "upload: compile the program first");
}

TEST(Upload, CostsNothingOnTheCpu) {
  Program program;
  program.add("f", {{"x", f32, {3}}}, [](const Inputs& in) -> Outputs { return {{"y", in["x"] + 1}}; });
  program.compile({.device = "cpu"});
  Array x(f32, {3});
  const Array here = program.upload(x);
  EXPECT_EQ(here.values<float>().data(), std::as_const(x).values<float>().data());
  Function f = program.function("f");
  f.bind("x", here);
  x.values<float>()[1] = 4;
  f.run();
  EXPECT_EQ(floats(f.output("y")), (std::vector<float>{1, 5, 1}));
}

}  // namespace
}  // namespace sinter
