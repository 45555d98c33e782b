#pragma once

#include <atomic>
#include <cstdint>

namespace sinter::runtime {

// Any number of readers, or one writer, in the order in which they came: a stream of readers keeps no writer
// out, nor writers a reader. Tickets are drawn from one row; a reader that has its turn lets the next in at
// once. It waits in the kernel, allocates nothing, and serves std::lock_guard and std::shared_lock.
class FairSharedMutex {
 public:
  FairSharedMutex() = default;
  FairSharedMutex(const FairSharedMutex&) = delete;
  FairSharedMutex& operator=(const FairSharedMutex&) = delete;

  void lock() { wait(ended_, drawn_.fetch_add(1)); }
  void unlock() {
    advance(begun_);
    advance(ended_);
  }
  void lock_shared() {
    wait(begun_, drawn_.fetch_add(1));
    advance(begun_);
  }
  void unlock_shared() { advance(ended_); }

 private:
  static void wait(const std::atomic<uint32_t>& count, uint32_t ticket) {
    for (uint32_t now = count.load(); now != ticket; now = count.load()) count.wait(now);
  }
  static void advance(std::atomic<uint32_t>& count) {
    count.fetch_add(1);
    count.notify_all();
  }

  std::atomic<uint32_t> drawn_ = 0;  // tickets
  std::atomic<uint32_t> begun_ =
      0;  // holders that let a reader in behind them: readers inside, writers that have left
  std::atomic<uint32_t> ended_ = 0;  // holders that have left
};

}  // namespace sinter::runtime
