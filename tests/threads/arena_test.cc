#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/vulkan.h"
#include "runtime/memory.h"
#include "tests/threads/served.h"
#include "tests/threads/together.h"

// Functions that write state have one arena, whatever their names and sizes.
namespace sinter {
namespace {

constexpr const char* kOnDevices[] = {"cpu", "vulkan"};
constexpr int64_t kBatch = 4, kLargest = 96;
constexpr int64_t kTimes[] = {24, 80, 8, kLargest, 48, 16, 32, 88, 64, 40};

int64_t allocated(std::string_view device) {
  if (device == "cpu") return static_cast<int64_t>(runtime::allocated());
  return vulkan::Gpu(vulkan::options_by_name()).stats().bytes;
}

// Two ways to train a model of sequences, and one to ask it.
struct Bucketed {
  nn::Module root;
  nn::Embedding embedding{root, "embedding", 16, 32};
  nn::Linear hidden{root, "hidden", 32, 128}, classes{root, "classes", 128, 4};
  AdamW optimizer, other{{.learning_rate = 0.01, .name = "other"}};
  Program program;

  explicit Bucketed(const std::string& device) {
    const std::vector<Input> inputs = {{"ids", i32, {kBatch, Dim("time")}}, {"labels", i32, {kBatch}}};
    const auto loss = [this](const Inputs& in) {
      return cross_entropy(classes(mean(gelu(hidden(embedding(in["ids"]))), {1})), in["labels"]);
    };
    program.add("train", inputs, [this, loss](const Inputs& in) -> Outputs {
      return {{"loss", optimizer.minimize(loss(in)).loss}};
    });
    program.add("finetune", inputs, [this, loss](const Inputs& in) -> Outputs {
      return {{"loss", other.minimize(loss(in)).loss}};
    });
    program.add("score", inputs, [loss](const Inputs& in) -> Outputs { return {{"loss", loss(in)}}; });
    program.compile({.device = device, .threads = 2});
  }

  Function function(const std::string& name, int64_t time) {
    Function call = program.function(name, {{"time", time}});
    const auto ids = call.input<int32_t>("ids"), labels = call.input<int32_t>("labels");
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 7 % 16);
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i);
    return call;
  }
};

// What calls of it have once they have run, made in this order.
int64_t bytes_of(Bucketed& model, std::string_view device,
                 const std::vector<std::pair<std::string, int64_t>>& made) {
  for (const auto& [name, time] : made) model.function(name, time);  // so that the code is there
  const int64_t before = allocated(device);
  std::vector<Function> calls;
  for (const auto& [name, time] : made) {
    calls.push_back(model.function(name, time));
    calls.back().run();
  }
  return allocated(device) - before;
}

TEST(Arena, IsOneForAllSizesOfAllFunctionsThatWriteState) {
  for (const char* device : kOnDevices) {
    Bucketed one(device), all(device);
    std::vector<std::pair<std::string, int64_t>> made;
    for (const int64_t time : kTimes) made.emplace_back("train", time);
    made.emplace_back("finetune", kLargest);
    const int64_t largest = bytes_of(one, device, {{"train", kLargest}});
    EXPECT_GT(largest, int64_t{100} << 10) << device;
    // Each has inputs and outputs of its own, which are small.
    EXPECT_LT(bytes_of(all, device, made), largest + largest / 4) << device;
    // Those that run beside each other have their own.
    EXPECT_GT(bytes_of(one, device, {{"score", kLargest}, {"score", kLargest}}),
              3 * bytes_of(one, device, {{"score", kLargest}}) / 2)
        << device;
  }
}

std::vector<std::byte> bytes_of(const Array& array) {
  const runtime::HostTensor& host = array.host();
  const auto* begin = static_cast<const std::byte*>(host.raw());
  return {begin, begin + host.bytes()};
}

void expect_same(const Snapshot& got, const Snapshot& want, const std::string& what) {
  EXPECT_EQ(got.step, want.step) << what;
  for (const auto& [name, value] : want.states) {
    EXPECT_EQ(bytes_of(got.states.at(name)), bytes_of(value)) << what << ": " << name;
  }
}

// Each step as if no other had ever run: in a program that has only the state before it.
TEST(Arena, WhatLiesThereFromOtherSizesChangesNothing) {
  for (const char* device : kOnDevices) {
    Bucketed model(device);
    std::map<int64_t, Function> calls;
    for (const int64_t time : {int64_t{16}, kLargest, int64_t{16}}) {
      Bucketed fresh(device);
      const Snapshot before = model.program.snapshot();
      for (const auto& [name, value] : before.states) fresh.program.set_state(name, value);
      fresh.program.set_step(before.step);
      if (!calls.contains(time)) calls.emplace(time, model.function("train", time));
      Function& call = calls.at(time);
      Function alone = fresh.function("train", time);
      call.run();
      alone.run();
      const std::string what = std::string(device) + " " + std::to_string(time);
      EXPECT_EQ(call.value<float>("loss"), alone.value<float>("loss")) << what;
      expect_same(model.program.snapshot(), fresh.program.snapshot(), what);
    }
  }
}

TEST(Arena, GrowsWhileACallThatWasStartedUsesIt) {
  for (const char* device : kOnDevices) {
    Bucketed model(device), waiting(device);
    const auto calls_of = [](Bucketed& of) {
      std::vector<Function> calls;
      for (const int64_t time : {int64_t{16}, kLargest, int64_t{8}})
        calls.push_back(of.function("train", time));
      return calls;
    };
    std::vector<Function> calls = calls_of(model), one_by_one = calls_of(waiting);
    for (int turn = 0; turn < 2; ++turn) {
      for (Function& call : calls) call.start();
      for (Function& call : calls) call.wait();
      for (Function& call : one_by_one) call.run();
      for (size_t i = 0; i < calls.size(); ++i) {
        EXPECT_EQ(calls[i].value<float>("loss"), one_by_one[i].value<float>("loss")) << device << i;
      }
    }
    expect_same(model.program.snapshot(), waiting.program.snapshot(), device);
  }
}

// What they add up is exact, so that their order is in no answer.
TEST(Arena, ThreadsThatTrainSizesInTurnGetWhatIsTheirs) {
  constexpr int kTurns = 40;
  for (const char* device : kOnDevices) {
    nn::Module root;
    nn::Buffer total(root, "total", {64});
    const Dim rows("rows");
    Program program;
    const auto body = [&](const Inputs& in) -> Outputs {
      const Tensor ones = constant(Served::filled(8, 64, 1)), more = constant(Served::filled(64, 64, 1));
      const Tensor y = matmul(matmul(in["x"], ones), more);  // 512 x
      total.assign(total + sum(y, {0}));
      return {{"sums", sum(y, {1})}};
    };
    program.add("add", {{"x", f32, {rows, 8}}}, body);
    program.add("add_also", {{"x", f32, {rows, 8}}}, body);
    program.compile({.device = device, .threads = 2});
    std::atomic<int64_t> added = 0;
    const auto check = [&](std::span<const float> sums, int64_t count, float value) {
      Served::expect(static_cast<int64_t>(sums.size()) == count, "rows");
      for (const float element : sums) Served::expect(element == 64 * 512 * value, "sums");
      added += static_cast<int64_t>(512 * value) * count;
    };
    const auto by_function = [&] {
      Function small = program.function("add", {{rows, 8}}), large = program.function("add", {{rows, 24}});
      for (int turn = 0; turn < kTurns; ++turn) {
        for (const auto& [call, count] : {std::pair(&small, 8), std::pair(&large, 24)}) {
          call->set_input("x", Served::filled(count, 8, 1));
          call->run();
          check(call->output<float>("sums"), count, 1);
        }
      }
    };
    const auto by_run = [&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        const int64_t count = turn % 2 == 0 ? 4 : 16 + turn / 8 * 8;  // the larger ones are new
        const Arrays result = program.run("add_also", {{"x", Served::filled(count, 8, 2)}});
        check(result.at("sums").values<float>(), count, 2);
      }
    };
    EXPECT_EQ(together({by_function, by_run}, 1), "") << device;
    EXPECT_EQ(program.step(), 3 * kTurns) << device;
    const Array totals = program.state("total");
    for (const float element : totals.values<float>()) EXPECT_EQ(element, added) << device;
  }
}

}  // namespace
}  // namespace sinter
