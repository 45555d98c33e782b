#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/float_mode.h"

namespace sinter::runtime {

struct Processors;

// Cores that this process may use, and no more than its control groups give it time for.
int available_cores();

// Threads that stay, for loops whose iterations are independent.
//
// A loop is offered to as many threads as it has units, and to no more than there are cores; the others sleep
// on. Those that had a loop spin for some tens of microseconds, as long as a program takes between its
// kernels, then sleep. The caller waits for a loop's last thread in the same way. A thread that loses its
// core to another process in the middle of a loop holds all others up until it gets it back, milliseconds
// later: it is then done without for a while.
//
// Threads come and go by groups of a few that share a cache, each with a counter of its own, so that the
// counters of a large machine do not travel between all its cores. Where a pool has as many threads as there
// are cores, its threads stay on the cores of their cache.
class ThreadPool {
 public:
  // 0: as many as there are cores. The calling thread is one of them. `cores`: how many work at once, 0 for
  // available_cores().
  explicit ThreadPool(int threads = 0, int cores = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  int threads_at_once() const { return static_cast<int>(most_); }

  using Body = void (*)(void* data, int64_t begin, int64_t end);

  // Calls body over [0, extent) in units of `unit` iterations (the last may be shorter), by at most
  // `most_threads` threads; returns when all are done. Which thread takes which unit is open; the units are
  // not, and all are computed in the caller's mode of floating-point arithmetic. Where the pool is busy with
  // another loop, and inside a body, the calling thread does them all. Of exceptions that bodies throw, that
  // of the first unit is rethrown when the loop is done; units after one that threw may be left out.
  void parallel_for(int64_t extent, int64_t unit, int64_t most_threads, Body body, void* data);

  template <typename F>
  void parallel_for(int64_t extent, int64_t unit, int64_t most_threads, F&& body) {
    using Callable = std::remove_reference_t<F>;
    parallel_for(
        extent, unit, most_threads,
        [](void* data, int64_t begin, int64_t end) { (*static_cast<Callable*>(data))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  template <typename F>
  void parallel_for(int64_t extent, int64_t unit, F&& body) {
    parallel_for(extent, unit, INT64_MAX, std::forward<F>(body));
  }

  // Which of the pool's threads this is: 0 for any that the pool has not made.
  int thread_index() const;

 private:
  struct Loop {
    int64_t extent = 0;
    int64_t unit = 1;
    size_t threads = 1;  // that it is offered to: those of the first ranks
    Body body = nullptr;
    void* data = nullptr;
    FloatMode mode = 0;
  };

  // What belongs to one thread.
  struct alignas(64) Thread {
    // The units that it begins with: about those that it had in the loop before, whose results its caches
    // hold. Who is done with its own takes what others have left.
    std::atomic<int64_t> next = 0;
    int64_t end = 0;

    std::atomic<uint32_t> is_asleep = 0;
    std::atomic<size_t> rank = 0;  // a loop for n threads is for those of ranks below n
    int64_t away_until = 0;        // ns; until then it is done without
    int64_t away_for = 0;          // of the last time
    int64_t left_late = 0;         // ns; when it last left a loop whose caller slept
    size_t group = 0;
  };

  struct alignas(64) Group {
    std::atomic<uint64_t> state = 0;  // thread_pool.cc
    size_t least_rank = 0;            // of its threads but the caller
    std::vector<int> processors;      // where its threads stay; none: anywhere
  };

  void form_groups(const Processors& processors);
  size_t usable_threads();
  void swap_ranks(size_t a, size_t b);
  void share_out(int64_t units);
  void open();
  void wake_some();
  void take_units(size_t self);
  void take_share(Thread& thread);
  bool is_anyone_inside() const;
  void close_and_wait(int64_t begin);
  void do_without_those_late(int64_t since);

  void work(size_t self);
  bool is_asked(size_t self, uint64_t state, uint64_t last) const;
  void leave(size_t self);
  void sleep(size_t self, uint64_t last);
  void stop();

  // The loop, and who has a part in it: written by the owner of busy_ while no thread is inside.
  std::mutex busy_;
  Loop loop_;
  uint32_t number_ = 0;         // of the loop
  std::vector<size_t> ranked_;  // threads, by rank
  size_t most_;                 // threads that work at once
  size_t away_ = 0;             // threads of the last ranks that are done without, or were

  std::vector<Thread> threads_;  // the first is the caller
  std::deque<Group> groups_;
  alignas(64) std::atomic<size_t> next_to_wake_ = 0;  // rank
  alignas(64) std::atomic<int> asleep_ = 0;           // threads
  alignas(64) std::atomic<uint32_t> is_waiting_ = 0;  // the caller sleeps until none is inside
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::atomic<int64_t> first_failure_ = INT64_MAX;  // where the first unit that threw begins
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace sinter::runtime
