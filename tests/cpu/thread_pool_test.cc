#include "runtime/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace sinter::runtime {
namespace {

TEST(ThreadPool, EachIterationOnceInTheSameUnits) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t extent : {0, 1, 2, 5, 64, 1000, 99999}) {
      for (int64_t unit : {1, 3, 64, 1000000}) {
        std::vector<int64_t> begins(static_cast<size_t>(extent), -1);
        pool.parallel_for(extent, unit, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) begins[static_cast<size_t>(i)] += begin + 1;
        });
        for (int64_t i = 0; i < extent; ++i) ASSERT_EQ(begins[static_cast<size_t>(i)], i / unit * unit);
      }
    }
  }
}

TEST(ThreadPool, HugeExtents) {
  ThreadPool pool(3);
  std::atomic<int64_t> iterations = 0, calls = 0;
  const int64_t extent = INT64_MAX - 5;
  pool.parallel_for(extent, extent / 100, [&](int64_t begin, int64_t end) {
    iterations += end - begin;
    ++calls;
  });
  EXPECT_EQ(iterations, extent);
  EXPECT_EQ(calls, 101);
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(3);
  int64_t total = 0;
  for (int64_t round = 0; round < 20000; ++round) {
    int64_t parts[4] = {};
    pool.parallel_for(4, 1, [&](int64_t begin, int64_t) { parts[begin] = round + begin; });
    for (int64_t part : parts) total += part;
  }
  EXPECT_EQ(total, 4 * 19999 * 10000 + 6 * 20000);
}

TEST(ThreadPool, LoopsInsideLoops) {
  ThreadPool pool(3), other(2);
  std::vector<int> counts(1000, 0);
  pool.parallel_for(10, 1, [&](int64_t i, int64_t) {
    (i % 2 == 0 ? pool : other).parallel_for(100, 7, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) ++counts[static_cast<size_t>(i * 100 + j)];
    });
  });
  EXPECT_EQ(counts, std::vector<int>(1000, 1));
}

TEST(ThreadPool, SeveralCallersAtOnce) {
  ThreadPool pool(3);
  std::atomic<int64_t> total = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        pool.parallel_for(16, 1, [&](int64_t begin, int64_t) { total += begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 500 * 120);
}

TEST(ThreadPool, TheFirstExceptionIsRethrown) {
  for (int threads : {1, 2, 7}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 200; ++round) {
      std::string message;
      try {
        pool.parallel_for(100, 1, [](int64_t begin, int64_t) {
          if (begin >= 37) throw std::runtime_error(std::to_string(begin));
        });
      } catch (const std::runtime_error& error) {
        message = error.what();
      }
      ASSERT_EQ(message, "37");
      std::atomic<int64_t> count = 0;
      pool.parallel_for(100, 1, [&](int64_t, int64_t) { ++count; });
      ASSERT_EQ(count, 100);
    }
  }
}

TEST(ThreadPool, UnitsAreComputedInTheCallersMode) {
  ThreadPool pool(3);
  const FloatMode before = float_mode();
  for (FloatMode mode : {kFlushDenormals, kKeepDenormals, kFlushDenormals}) {
    const FloatModeScope scope(mode);
    std::atomic<int> others = 0;
    for (int round = 0; round < 200; ++round) {
      pool.parallel_for(30, 1, [&](int64_t, int64_t) {
        if (float_mode() != mode) ++others;
      });
    }
    EXPECT_EQ(others, 0);
  }
  EXPECT_EQ(float_mode(), before);
}

// A worker that has lost its core, as far as the others can tell.
TEST(ThreadPool, AWorkerThatStallsIsDoneWithout) {
  constexpr int kRounds = 300;
  ThreadPool pool(2);
  int stalls = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<bool> stalled = false;
    pool.parallel_for(2, 1, [&](int64_t, int64_t) {
      if (pool.thread_index() == 0) {
        // Until the worker has come, where it may; a yield would last as long as others on this core like.
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
        while (!stalled && std::chrono::steady_clock::now() < end) {
        }
      } else {
        stalled = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
      }
    });
    stalls += stalled ? 1 : 0;
  }
  EXPECT_LT(stalls, kRounds / 3);
}

TEST(ThreadPool, ThreadsHaveNumbers) {
  ThreadPool pool(3);
  EXPECT_EQ(pool.thread_index(), 0);
  std::atomic<int> highest = 0, lowest = 0;
  pool.parallel_for(1000, 1, [&](int64_t, int64_t) {
    int seen = highest;
    const int index = pool.thread_index();
    while (index > seen && !highest.compare_exchange_weak(seen, index)) {
    }
    if (index < 0) lowest = index;
  });
  EXPECT_LT(highest, 3);
  EXPECT_EQ(lowest, 0);
}

}  // namespace
}  // namespace sinter::runtime
