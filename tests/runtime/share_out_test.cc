#include "runtime/share_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sinter::runtime {
namespace {

TEST(ShareOut, WorksOnEachItemOnce) {
  for (const size_t count : {0, 1, 2, 100}) {
    for (const int threads : {0, 1, 3, 200}) {
      std::vector<std::atomic<int>> times(count);
      std::atomic<size_t> workers = 0;
      share_out(count, threads, [&]() -> Worker {
        ++workers;
        return [&](size_t i) { ++times[i]; };
      });
      for (const auto& time : times) EXPECT_EQ(time, 1);
      EXPECT_LE(workers, count);
      EXPECT_LE(workers, static_cast<size_t>(std::max(threads, 1)));
    }
  }
}

// Whoever fails first: the last item's failure has time to be noticed.
TEST(ShareOut, TellsTheFirstFailure) {
  std::string told;
  try {
    share_out(3, 3, [] {
      return [](size_t i) {
        if (i == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        throw std::runtime_error(std::to_string(i));
      };
    });
  } catch (const std::runtime_error& error) {
    told = error.what();
  }
  EXPECT_EQ(told, "0");
}

TEST(ShareOut, LeavesTheRestOutAfterAFailure) {
  std::set<size_t> items;
  EXPECT_THROW(share_out(5, 1,
                         [&] {
                           return [&](size_t i) {
                             items.insert(i);
                             if (i == 2) throw std::runtime_error("two");
                           };
                         }),
               std::runtime_error);
  EXPECT_EQ(items, (std::set<size_t>{0, 1, 2}));
}

TEST(ShareOut, TellsThatNoWorkerCouldBeMade) {
  EXPECT_THROW(share_out(2, 2, []() -> Worker { throw std::runtime_error("none"); }), std::runtime_error);
}

}  // namespace
}  // namespace sinter::runtime
