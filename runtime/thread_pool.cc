#include "runtime/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sinter::runtime {
namespace {

constexpr uint32_t kInside = 0xfff;  // mask of the workers inside
constexpr uint32_t kOpen = 0x1000;
constexpr uint32_t kNumber = 0x2000;  // step of the loop's number
constexpr int kMaxThreads = 1024;
// Some tens of microseconds: longer than the gap between the kernels of a program.
constexpr int kSpins = 1500;
constexpr int kShortSpins = 100;

// A worker that the rest of a loop waits for this long, and this many times longer than the caller's own part
// took, has lost its core to another process: it may be milliseconds until it gets it back.
constexpr int64_t kStall = 100'000;  // ns
constexpr int64_t kStallFactor = 2;
// How long the caller then does without workers; twice as long where the next stall follows within
// kStallMemory times as much.
constexpr int64_t kShortestAlone = 4'000'000;
constexpr int64_t kLongestAlone = 128'000'000;
constexpr int64_t kStallMemory = 8;

thread_local const ThreadPool* own_pool = nullptr;  // of a pool's thread
thread_local int own_index = 0;
thread_local bool inside_loop = false;

int64_t nanoseconds() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int ThreadPool::thread_index() const {
  return own_pool == this ? own_index : 0;
}

ThreadPool::ThreadPool(int threads) {
  const int count = std::min(threads > 0 ? threads : available_cores(), kMaxThreads);
  shares_ = std::vector<Share>(static_cast<size_t>(count));
  for (int i = 1; i < count; ++i) workers_.emplace_back(&ThreadPool::work, this, i);
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  state_.fetch_add(kNumber);
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(int64_t extent, int64_t unit, Body body, void* data) {
  if (extent <= 0) return;
  unit = std::max<int64_t>(unit, 1);
  if (workers_.empty() || extent <= unit || inside_loop || is_alone() || !busy_.try_lock()) {
    for (int64_t begin = 0; begin < extent; begin += std::min(unit, extent - begin)) {
      body(data, begin, begin + std::min(unit, extent - begin));
    }
    return;
  }
  const std::lock_guard<std::mutex> release(busy_, std::adopt_lock);
  loop_ = {extent, unit, body, data, float_mode()};
  first_failure_.store(INT64_MAX, std::memory_order_relaxed);
  const int64_t units = (extent - 1) / unit + 1, threads = static_cast<int64_t>(shares_.size());
  const int64_t least = units / threads, more = units % threads;
  for (int64_t i = 0, next = 0; i < threads; ++i) {
    Share& share = shares_[static_cast<size_t>(i)];
    share.next.store(next, std::memory_order_relaxed);
    next += least + (i < more ? 1 : 0);
    share.end = next;
  }
  state_.fetch_add(kNumber | kOpen, std::memory_order_acq_rel);
  state_.notify_all();
  const int64_t begin = nanoseconds();
  take_units(0);
  close_and_wait(begin);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::take_units(size_t own) {
  inside_loop = true;
  for (size_t i = 0; i < shares_.size(); ++i) take_share(shares_[(own + i) % shares_.size()]);
  inside_loop = false;
}

void ThreadPool::take_share(Share& share) {
  const Loop& loop = loop_;
  for (;;) {
    const int64_t number = share.next.fetch_add(1, std::memory_order_relaxed);
    if (number >= share.end) return;
    const int64_t begin = number * loop.unit;
    if (begin >= first_failure_.load(std::memory_order_relaxed)) continue;
    try {
      loop.body(loop.data, begin, begin + std::min(loop.unit, loop.extent - begin));
    } catch (...) {
      const std::lock_guard<std::mutex> lock(error_mutex_);
      if (begin < first_failure_.load(std::memory_order_relaxed)) {
        error_ = std::current_exception();
        first_failure_.store(begin, std::memory_order_relaxed);
      }
    }
  }
}

bool ThreadPool::is_alone() const {
  const int64_t end = alone_until_.load(std::memory_order_relaxed);
  return end != 0 && nanoseconds() < end;
}

void ThreadPool::note_wait(int64_t own, int64_t waited) {
  if (waited < kStall || waited < kStallFactor * own) return;
  const int64_t now = nanoseconds();
  // Much later than the last time, it is another disturbance.
  const bool is_same = now < alone_until_.load(std::memory_order_relaxed) + kStallMemory * alone_for_;
  alone_for_ = is_same ? std::min(2 * alone_for_, kLongestAlone) : kShortestAlone;
  alone_until_.store(now + alone_for_, std::memory_order_relaxed);
}

// Workers that have not come by now are not waited for.
void ThreadPool::close_and_wait(int64_t begin) {
  uint32_t state = state_.fetch_sub(kOpen, std::memory_order_acq_rel) - kOpen;
  int64_t done = 0;  // when this has been found to take its time
  for (int spins = 0; (state & kInside) != 0; ++spins) {
    if (spins == kShortSpins) done = nanoseconds();
    if (spins < kSpins) {
      pause();
    } else {
      state_.wait(state, std::memory_order_acquire);
    }
    state = state_.load(std::memory_order_acquire);
  }
  if (done != 0) note_wait(done - begin, nanoseconds() - done);
}

void ThreadPool::work(int index) {
  own_pool = this;
  own_index = index;
  uint32_t done = 0;  // the number of the last loop taken part in
  int spins = 0;
  for (;;) {
    uint32_t state = state_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    const uint32_t number = state & ~(kInside | kOpen);
    if ((state & kOpen) != 0 && number != done) {
      if (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) continue;
      set_float_mode(loop_.mode);
      take_units(static_cast<size_t>(index));
      done = number;
      spins = 0;
      const uint32_t left = state_.fetch_sub(1, std::memory_order_acq_rel) - 1;
      if ((left & (kInside | kOpen)) == 0) state_.notify_all();
    } else if (++spins < kSpins) {
      pause();
    } else {
      state_.wait(state, std::memory_order_acquire);
      spins = 0;  // what it was woken for may be over, but the next loop is near
    }
  }
}

}  // namespace sinter::runtime
