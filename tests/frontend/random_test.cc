#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Which random numbers a call draws: those of (seed, step) where its function writes state, else those of
// (seed, number of the call).
namespace sinter {
namespace {

constexpr const char* kDevices[] = {"reference", "cpu", "vulkan"};

// "draw" writes no state, "count" does; both draw at the same place of the same module.
struct Drawer {
  nn::Module root;
  nn::Buffer counter{root, "counter", {}};
  Program program;

  explicit Drawer(const std::string& device) {
    const auto draws = []() -> Outputs {
      const Tensor uniform = random_uniform({3});
      return {{"uniform", uniform}, {"normal", random_normal({3})}, {"dropped", dropout(ones({64}), 0.5)}};
    };
    program.add("draw", {}, [=](const Inputs&) { return draws(); }, {.training = true});
    program.add("count", {},
                [=, this](const Inputs&) {
                  counter.assign(counter + 1);
                  return draws();
                },
                {.training = true});
    program.compile({.device = device, .threads = 1, .seed = 3});
  }

  std::vector<float> run(const std::string& function) { return all_of(program.run(function, {})); }
  static std::vector<float> run(Function& function) {
    function.run();
    return all_of({{"uniform", function.output("uniform")},
                   {"normal", function.output("normal")},
                   {"dropped", function.output("dropped")}});
  }
  static std::vector<float> all_of(const Arrays& outputs) {
    std::vector<float> all;
    for (const auto& [name, values] : outputs) {
      const std::vector<float> some = floats(values);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
};

TEST(Random, EveryCallDrawsAnewWhereNoStateIsWritten) {
  for (const char* device : kDevices) {
    Drawer drawer(device);
    const std::vector<float> first = drawer.run("draw"), second = drawer.run("draw");
    EXPECT_FALSE(std::equal(first.begin(), first.begin() + 64, second.begin())) << device;
    for (size_t i = 64; i < first.size(); ++i) EXPECT_NE(first[i], second[i]) << device << ", " << i;
    Function draw = drawer.program.function("draw"), other = drawer.program.function("draw");
    EXPECT_EQ(Drawer::run(draw), first) << device;
    EXPECT_EQ(Drawer::run(draw), second) << device;
    EXPECT_EQ(Drawer::run(other), first) << device;  // a count of its own
    draw.set_call(1);
    EXPECT_EQ(Drawer::run(draw), second) << device;
    EXPECT_EQ(drawer.program.step(), 0u) << device;
  }
}

TEST(Random, ACallDrawsWhatAStepOfItsNumberDoes) {
  for (const char* device : kDevices) {
    Drawer drawer(device);
    Function draw = drawer.program.function("draw");
    for (const uint32_t number : {0u, 1u, 7u, 4'000'000'000u}) {
      draw.set_call(number);
      drawer.program.set_step(number);
      EXPECT_EQ(Drawer::run(draw), drawer.run("count")) << device << ", " << number;
    }
  }
}

TEST(Random, CallsDoNotChangeWhatTrainingDraws) {
  for (const char* device : kDevices) {
    Drawer alone(device), beside(device);
    Function draw = beside.program.function("draw");
    for (int step = 0; step < 3; ++step) {
      beside.run("draw");
      draw.run();
      EXPECT_EQ(beside.run("count"), alone.run("count")) << device;
    }
    EXPECT_EQ(beside.program.step(), 3u) << device;
  }
}

TEST(Random, DevicesDrawTheSame) {
  Drawer reference("reference");
  const std::vector<float> first = reference.run("draw"), second = reference.run("draw");
  for (const char* device : {"cpu", "vulkan"}) {
    Drawer drawer(device);
    for (const auto& expected : {first, second}) {
      const std::vector<float> got = drawer.run("draw");
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        // Bits are the same; normal numbers go through a logarithm and a cosine.
        const bool is_normal = i >= 64 && i < 67;
        EXPECT_NEAR(got[i], expected[i], is_normal ? 1e-6 : 0.0) << device << ", " << i;
      }
    }
  }
}

TEST(Random, OnlyCallsThatWriteNoStateAreNumbered) {
  Drawer drawer("reference");
  Function count = drawer.program.function("count");
  EXPECT_EQ(
      message_of([&] { count.set_call(1); }),
      "count: set_call is for functions that write no state; what this one draws follows the program's step");
}

}  // namespace
}  // namespace sinter
