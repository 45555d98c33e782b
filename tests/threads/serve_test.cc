#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "tests/threads/served.h"
#include "tests/threads/together.h"

// Many threads that ask one program at once, as those of a server do.
namespace sinter {
namespace {

constexpr const char* kDevices[] = {"reference", "cpu", "vulkan"};

// SINTER_SERVE_SECONDS lets it go on for longer: a minute, say, on each device.
double seconds() {
  const char* text = std::getenv("SINTER_SERVE_SECONDS");
  return text == nullptr ? 0.5 : std::atof(text);
}

TEST(Serve, EachCallGetsItsOwnAnswer) {
  for (const char* device : kDevices) {
    Served served(device);
    std::vector<std::function<void()>> callers;
    for (int i = 1; i <= 4; ++i) {
      callers.push_back([&, i] { served.product(Served::kUsual, static_cast<float>(i)); });
    }
    EXPECT_EQ(together(callers, 300), "") << device;
  }
}

TEST(Serve, NewSizesMayBeAskedForAtOnce) {
  for (const char* device : kDevices) {
    Served served(device);
    std::atomic<int64_t> turns = 0;
    const auto caller = [&] {
      const int64_t count = 5 + turns++ / 4;  // about four ask for each
      served.product(count, 2);
    };
    EXPECT_EQ(together({caller, caller, caller, caller}, 4), "") << device;
  }
}

TEST(Serve, EightThreadsCallWhatOneTrains) {
  for (const char* device : kDevices) {
    Served served(device);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds());
    std::atomic<bool> is_over = false;
    std::atomic<int64_t> trained = 0, calls = 0;
    std::vector<std::function<void()>> threads;
    for (int64_t i = 0; i < 8; ++i) {
      threads.push_back([&, i] {
        Function total = served.program.function("total");
        total.set_input("x", Served::filled(Served::kUsual, 8, static_cast<float>(i)));
        for (int64_t turn = 0; std::chrono::steady_clock::now() < end; ++turn) {
          // Sizes of some turns are new, by and by; those of others everybody has had.
          const int64_t count = turn % 8 == 0 ? 5 + std::min<int64_t>(turn / 64, 40) : 1 + turn % 4;
          if ((turn + i) % 4 == 0) served.score(count);
          if ((turn + i) % 4 == 1) served.product(count, static_cast<float>(i));
          if ((turn + i) % 4 == 2) served.total(count, static_cast<float>(i));
          if ((turn + i) % 4 == 3) served.snapshot();
          total.run();
          Served::expect(total.value<float>("y") == static_cast<float>(32 * i), "total");
          ++calls;
        }
        is_over = true;
      });
    }
    threads.push_back([&] {
      while (!is_over) {
        served.train();
        ++trained;
      }
    });
    EXPECT_EQ(together(threads, 1), "") << device;
    const Snapshot last = served.program.snapshot();
    EXPECT_EQ(last.step, trained) << device;
    EXPECT_EQ(last.states.at("first").values<float>()[0], static_cast<float>(trained)) << device;
    EXPECT_GT(trained, 0) << device;
    RecordProperty(std::string(device) + "_calls", std::to_string(calls));
  }
}

// Nobody writes to this program but set_state, which readers see whole.
TEST(Serve, StateIsSetBetweenCallsWhereNoFunctionWrites) {
  nn::Module root;
  const nn::Buffer level(root, "level", {256});
  Program program;
  program.add("spread", {}, [&](const Inputs&) -> Outputs {
    return {{"y", max(level.read()) + max(-level.read())}};
  });
  program.compile({.device = "cpu", .threads = 1});
  const auto read = [&] {
    Served::expect(program.run("spread", {}).at("y").item<float>() == 0, "a torn state");
  };
  const auto write = [&, turn = 0]() mutable {
    Array value(f32, {256});
    for (float& element : value.values<float>()) element = static_cast<float>(turn);
    ++turn;
    program.set_state("level", value);
  };
  EXPECT_EQ(together({read, read, write}, 500), "");
}

}  // namespace
}  // namespace sinter
