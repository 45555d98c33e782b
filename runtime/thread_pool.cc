#include "runtime/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace sinter::runtime {
namespace {

constexpr uint32_t kInside = 0xfff;  // mask of the workers inside
constexpr uint32_t kOpen = 0x1000;
constexpr uint32_t kNumber = 0x2000;  // step of the loop's number
constexpr int kMaxThreads = 1024;
// Some tens of microseconds: longer than the gap between the kernels of a program.
constexpr int kSpins = 1500;

thread_local const ThreadPool* own_pool = nullptr;  // of a pool's thread
thread_local int own_index = 0;
thread_local bool inside_loop = false;

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
  if (workers_.empty() || extent <= unit || inside_loop || !busy_.try_lock()) {
    for (int64_t begin = 0; begin < extent; begin += std::min(unit, extent - begin)) {
      body(data, begin, begin + std::min(unit, extent - begin));
    }
    return;
  }
  const std::lock_guard<std::mutex> release(busy_, std::adopt_lock);
  loop_ = {extent, unit, body, data};
  next_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
  state_.fetch_add(kNumber | kOpen, std::memory_order_acq_rel);
  state_.notify_all();
  take_units();
  close_and_wait();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::take_units() {
  const Loop& loop = loop_;
  const int64_t units = (loop.extent - 1) / loop.unit + 1;
  inside_loop = true;
  for (;;) {
    // Units are taken in order, so that all before one that threw have been taken.
    const int64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    if (number >= units || failed_.load(std::memory_order_relaxed)) break;
    const int64_t begin = number * loop.unit;
    try {
      loop.body(loop.data, begin, begin + std::min(loop.unit, loop.extent - begin));
    } catch (...) {
      const std::lock_guard<std::mutex> lock(error_mutex_);
      if (!error_ || begin < error_begin_) {
        error_ = std::current_exception();
        error_begin_ = begin;
      }
      failed_.store(true, std::memory_order_relaxed);
    }
  }
  inside_loop = false;
}

// Workers that have not come by now are not waited for.
void ThreadPool::close_and_wait() {
  uint32_t state = state_.fetch_sub(kOpen, std::memory_order_acq_rel) - kOpen;
  for (int spins = 0; (state & kInside) != 0; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      state_.wait(state, std::memory_order_acquire);
    }
    state = state_.load(std::memory_order_acquire);
  }
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
      take_units();
      done = number;
      spins = 0;
      const uint32_t left = state_.fetch_sub(1, std::memory_order_acq_rel) - 1;
      if ((left & (kInside | kOpen)) == 0) state_.notify_all();
    } else if (++spins < kSpins) {
      pause();
    } else {
      state_.wait(state, std::memory_order_acquire);
    }
  }
}

}  // namespace sinter::runtime
