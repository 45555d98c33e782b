#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sinter::runtime {

// Readers that hardly ever meet a writer: they take no lock, and each counts itself where few other threads
// do. A writer keeps new ones out, and waits for those inside. It serves std::lock_guard and
// std::shared_lock; of writers, one at a time may come.
class PassingReaders {
 public:
  PassingReaders() = default;
  PassingReaders(const PassingReaders&) = delete;
  PassingReaders& operator=(const PassingReaders&) = delete;

  void lock_shared() {
    std::atomic<uint32_t>& inside = inside_of_thread();
    for (;;) {
      ++inside;  // before the look at closed_, as lock() closes before it looks at the counts
      if (closed_ == 0) return;
      unlock_shared();
      closed_.wait(1);
    }
  }
  void unlock_shared() {
    std::atomic<uint32_t>& inside = inside_of_thread();
    --inside;
    if (closed_ != 0) inside.notify_all();
  }
  void lock() {
    closed_ = 1;
    for (Place& place : places_) {
      for (uint32_t now = place.inside; now != 0; now = place.inside) place.inside.wait(now);
    }
  }
  void unlock() {
    closed_ = 0;
    closed_.notify_all();
  }

 private:
  struct alignas(64) Place {
    std::atomic<uint32_t> inside = 0;
  };

  std::atomic<uint32_t>& inside_of_thread() {
    static std::atomic<size_t> threads = 0;
    thread_local const size_t number = threads++;
    return places_[number % places_.size()].inside;
  }

  std::array<Place, 16> places_;
  alignas(64) std::atomic<uint32_t> closed_ = 0;  // 1: a writer is inside, or waits for readers to leave
};

}  // namespace sinter::runtime
