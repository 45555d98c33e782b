#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "runtime/thread_pool.h"

// Pools of more threads than there are cores, all of which work at once.
namespace sinter::runtime {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kThreads[] = {1, 2, 3, 5, 8, 16, 33};

// Of this process, by number.
std::set<std::string> system_threads() {
  std::set<std::string> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    threads.insert(entry.path().filename());
  return threads;
}

// How often a thread has gone to sleep.
int64_t sleeps_of(const std::string& thread) {
  std::ifstream status("/proc/self/task/" + thread + "/status");
  int64_t count = 0;
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") status >> count;
  }
  return count;
}

// The threads that a loop's units are done by; each takes so long that all who are asked can come.
std::set<int> workers_of(ThreadPool& pool, int64_t units, int64_t most_threads) {
  std::mutex mutex;
  std::set<int> workers;
  pool.parallel_for(units, 1, most_threads, [&](int64_t, int64_t) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      workers.insert(pool.thread_index());
    }
    std::this_thread::sleep_for(milliseconds(1));
  });
  return workers;
}

TEST(ManyThreads, EachIterationOnceInTheSameUnits) {
  for (int threads : kThreads) {
    ThreadPool pool(threads, threads);
    for (int64_t extent : {1, 2, 31, 1000, 20000}) {
      for (int64_t unit : {1, 3, 64}) {
        for (int64_t most_threads : {1, 2, 7, 1000}) {
          std::vector<int64_t> begins(static_cast<size_t>(extent), -1);
          pool.parallel_for(extent, unit, most_threads, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) begins[static_cast<size_t>(i)] += begin + 1;
          });
          for (int64_t i = 0; i < extent; ++i) ASSERT_EQ(begins[static_cast<size_t>(i)], i / unit * unit);
        }
      }
    }
  }
}

TEST(ManyThreads, NoMoreThanAreAskedFor) {
  for (int threads : kThreads) {
    ThreadPool pool(threads, threads);
    for (int round = 0; round < 10; ++round) {
      EXPECT_LE(workers_of(pool, 2, 1000).size(), 2);
      EXPECT_LE(workers_of(pool, 6, 3).size(), 3);
    }
  }
  ThreadPool few(16, 3);
  for (int round = 0; round < 10; ++round) EXPECT_LE(workers_of(few, 16, 16).size(), 3);
}

TEST(ManyThreads, ThoseThatAreNotAskedSleepOn) {
  const std::set<std::string> before = system_threads();
  ThreadPool pool(16, 16);
  std::map<std::string, int64_t> sleeps;  // of the pool's threads
  for (const std::string& thread : system_threads()) {
    if (!before.contains(thread)) sleeps[thread] = 0;
  }
  ASSERT_EQ(sleeps.size(), 15);
  const auto disturbed = [&] {
    return std::ranges::count_if(sleeps,
                                 [](const auto& each) { return sleeps_of(each.first) != each.second; });
  };
  const auto are_asleep = [&] {
    for (auto& [thread, count] : sleeps) count = sleeps_of(thread);
    std::this_thread::sleep_for(milliseconds(20));
    return disturbed() == 0 && std::ranges::all_of(sleeps, [](const auto& each) { return each.second > 0; });
  };
  for (int round = 0; round < 500 && !are_asleep(); ++round) {
  }
  // Another takes the place of one that loses its core in a unit.
  for (int round = 0; round < 200; ++round) {
    pool.parallel_for(2, 1, [](int64_t, int64_t) {});
    pool.parallel_for(100, 1, 2, [](int64_t, int64_t) {});
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  EXPECT_LE(disturbed(), 3);
  // All are found where all are asked.
  for (int round = 0; round < 1000 && disturbed() < 15; ++round) workers_of(pool, 64, 16);
  EXPECT_EQ(disturbed(), 15);
}

TEST(ManyThreads, AllAreWoken) {
  ThreadPool pool(33, 33);
  std::set<int> seen;
  for (int round = 0; round < 100 && seen.size() < 33; ++round) {
    std::this_thread::sleep_for(milliseconds(5));  // longer than they spin
    seen.merge(workers_of(pool, 99, 33));
  }
  EXPECT_EQ(seen.size(), 33);
}

// In the middle of a unit, as one that has lost its core does.
void work_or_stall(const ThreadPool& pool, int staller, std::map<int, int>& units, std::mutex& mutex) {
  const int self = pool.thread_index();
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ++units[self];
  }
  std::this_thread::sleep_for(self == staller ? milliseconds(10) : std::chrono::microseconds(300));
}

TEST(ManyThreads, OneThatStallsIsLeftOutAlone) {
  constexpr int kRounds = 400;
  ThreadPool pool(4, 4);
  std::map<int, int> units;
  std::mutex mutex;
  for (int round = 0; round < kRounds; ++round)
    pool.parallel_for(4, 1, [&](int64_t, int64_t) { work_or_stall(pool, 2, units, mutex); });
  EXPECT_LT(units[2], kRounds / 2);
  // Others that lose their core on a busy machine are left out as well, but not as often.
  EXPECT_GT(units[1], units[2]);
  EXPECT_GT(units[3], units[2]);
}

TEST(ManyThreads, OneThatWasLeftOutComesBack) {
  ThreadPool pool(2, 2);
  std::map<int, int> units;
  std::mutex mutex;
  const auto loop = [&](int staller) {
    units.clear();
    pool.parallel_for(2, 1, [&](int64_t, int64_t) { work_or_stall(pool, staller, units, mutex); });
    return units[1];
  };
  const auto loop_until = [&](int staller, int worked) {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (loop(staller) != worked && Clock::now() < end) {
    }
    return units[1] == worked;
  };
  for (int times = 0; times < 5; ++times) {
    EXPECT_TRUE(loop_until(1, 1));
    EXPECT_TRUE(loop_until(-1, 0)) << "left out";
    EXPECT_TRUE(loop_until(-1, 1)) << "back";
  }
}

TEST(ManyThreads, EndsAtOnceWhoeverSleepsOrIsLeftOut) {
  const auto seconds_to_end = [](std::unique_ptr<ThreadPool> pool) {
    const auto begin = Clock::now();
    pool.reset();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  for (int threads : kThreads) {
    for (int wait : {0, 5}) {
      auto pool = std::make_unique<ThreadPool>(threads, threads);
      pool->parallel_for(100, 1, [](int64_t, int64_t) {});
      std::this_thread::sleep_for(milliseconds(wait));
      EXPECT_LT(seconds_to_end(std::move(pool)), 1);
    }
  }
  // Left out for longer each time.
  auto pool = std::make_unique<ThreadPool>(2, 2);
  std::map<int, int> units;
  std::mutex mutex;
  const auto end = Clock::now() + milliseconds(700);
  while (Clock::now() < end)
    pool->parallel_for(2, 1, [&](int64_t, int64_t) { work_or_stall(*pool, 1, units, mutex); });
  EXPECT_LT(units[1], 35);
  EXPECT_LT(seconds_to_end(std::move(pool)), 0.2);
}

}  // namespace
}  // namespace sinter::runtime
