#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "runtime/float_mode.h"

namespace sinter::runtime {

// Cores that this process may use.
int available_cores();

// Threads that stay, for loops whose iterations are independent. They spin a little between loops, then
// sleep. Where one loses its core to another process in the middle of a loop, the pool does without its
// workers for some milliseconds: waiting for it would cost more than it brings.
class ThreadPool {
 public:
  // 0: as many as there are cores. The calling thread is one of them.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  using Body = void (*)(void* data, int64_t begin, int64_t end);

  // Calls body over [0, extent) in units of `unit` iterations (the last may be shorter); returns when all are
  // done. Which thread takes which unit is open; the units are not, and all are computed in the caller's mode
  // of floating-point arithmetic. Where the pool is busy with another loop, and inside a body, the calling
  // thread does them all. Of exceptions that bodies throw, that of the first unit is rethrown when the loop
  // is done; units after one that threw may be left out.
  void parallel_for(int64_t extent, int64_t unit, Body body, void* data);

  template <typename F>
  void parallel_for(int64_t extent, int64_t unit, F&& body) {
    using Callable = std::remove_reference_t<F>;
    parallel_for(
        extent, unit,
        [](void* data, int64_t begin, int64_t end) { (*static_cast<Callable*>(data))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  // Which of the pool's threads this is: 0 for any that the pool has not made.
  int thread_index() const;

 private:
  struct Loop {
    int64_t extent = 0;
    int64_t unit = 1;
    Body body = nullptr;
    void* data = nullptr;
    FloatMode mode = 0;
  };

  // The units that one thread begins with: about those that it had in the loop before, whose results its
  // caches hold. Who is done with its own takes what others have left.
  struct alignas(64) Share {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };

  void work(int index);
  void take_units(size_t own);
  void take_share(Share& share);
  void close_and_wait(int64_t begin);
  void note_wait(int64_t own, int64_t waited);
  bool is_alone() const;

  std::mutex busy_;
  Loop loop_;  // written by the owner of busy_ while no worker is inside
  std::mutex error_mutex_;
  std::exception_ptr error_;
  int64_t alone_for_ = 0;                 // ns, of the last time without workers; of the owner of busy_
  std::atomic<int64_t> alone_until_ = 0;  // 0: workers help
  std::atomic<int64_t> first_failure_ = INT64_MAX;  // where the first unit that threw begins
  std::atomic<bool> stop_ = false;
  std::vector<Share> shares_;  // by thread
  // The number of workers inside the loop in the low bits, then whether it is open, then its number.
  alignas(64) std::atomic<uint32_t> state_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace sinter::runtime
