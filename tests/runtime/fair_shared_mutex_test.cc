#include "runtime/fair_shared_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/passing_readers.h"

namespace sinter::runtime {
namespace {

// Writers make `a` and `b` differ for a while; readers look whether they do.
template <typename Mutex>
void hammer(Mutex& mutex, int writers) {
  int64_t a = 0, b = 0;
  std::atomic<int64_t> torn = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int turn = 0; turn < 2000; ++turn) {
        if (i < writers) {
          const std::lock_guard<Mutex> lock(mutex);
          ++a;
          ++b;
        } else {
          const std::shared_lock<Mutex> lock(mutex);
          torn += a == b ? 0 : 1;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(a, 2000 * writers);
  EXPECT_EQ(b, a);
}

TEST(FairSharedMutex, WritersExcludeAll) {
  FairSharedMutex mutex;
  hammer(mutex, 2);
}

TEST(FairSharedMutex, ReadersShareAndTurnsAreInOrder) {
  FairSharedMutex mutex;
  mutex.lock_shared();
  mutex.lock_shared();  // no reader waits for a reader
  std::mutex order_mutex;
  std::string order;
  std::atomic<int> begun = 0;
  const auto note = [&](char who) {
    const std::lock_guard<std::mutex> lock(order_mutex);
    order += who;
  };
  const auto started = [&](int count) {
    while (begun != count) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it waits
  };
  std::thread writer([&] {
    ++begun;
    const std::lock_guard<FairSharedMutex> lock(mutex);
    note('w');
  });
  started(1);
  std::thread reader([&] {
    ++begun;
    const std::shared_lock<FairSharedMutex> lock(mutex);
    note('r');
  });
  started(2);
  std::thread last([&] {
    ++begun;
    const std::lock_guard<FairSharedMutex> lock(mutex);
    note('l');
  });
  started(3);
  note('0');
  mutex.unlock_shared();
  mutex.unlock_shared();
  writer.join();
  reader.join();
  last.join();
  EXPECT_EQ(order, "0wrl");
}

TEST(PassingReaders, AWriterExcludesAll) {
  PassingReaders readers;
  hammer(readers, 1);
}

}  // namespace
}  // namespace sinter::runtime
