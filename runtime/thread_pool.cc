#include "runtime/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/processors.h"

namespace sinter::runtime {
namespace {

// A group's state: threads inside, whether it is open, for how many threads, the loop's number.
constexpr uint64_t kInside = 0xfff;  // mask
constexpr uint64_t kOpen = 0x1000;
constexpr int kLimitShift = 16, kNumberShift = 32;
constexpr size_t kMostThreads = 1024;
constexpr size_t kGroup = 8;  // threads that share a counter

// Longer than the gap between the kernels of a program.
constexpr int64_t kSpin = 50'000;      // ns
constexpr uint32_t kSpinsAClock = 32;  // between looks at it

// A thread that the rest of a loop waits for this long, and this many times longer than the caller's own part
// took, has lost its core to another process: it may be milliseconds until it gets it back.
constexpr int64_t kStall = 100'000;  // ns
constexpr int64_t kStallFactor = 2;
// How long the thread is then done without; twice as long where it stalls again within kStallMemory times as
// much.
constexpr int64_t kShortestAway = 4'000'000;
constexpr int64_t kLongestAway = 512'000'000;
constexpr int64_t kStallMemory = 8;

thread_local const ThreadPool* own_pool = nullptr;  // of a pool's thread
thread_local size_t own_index = 0;
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

bool is_open(uint64_t state) {
  return (state & kOpen) != 0;
}
size_t limit_of(uint64_t state) {
  return state >> kLimitShift & 0xffff;
}
uint64_t number_of(uint64_t state) {
  return state >> kNumberShift;
}

void stay_on(const std::vector<int>& processors) {
  if (processors.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int processor : processors) CPU_SET(static_cast<size_t>(processor), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

}  // namespace

int available_cores() {
  return find_processors().best_threads();
}

int ThreadPool::thread_index() const {
  return own_pool == this ? static_cast<int>(own_index) : 0;
}

ThreadPool::ThreadPool(int threads, int cores) {
  const Processors processors = find_processors();
  const int best = processors.best_threads();
  const size_t count = std::min(static_cast<size_t>(threads > 0 ? threads : best), kMostThreads);
  most_ = std::min(count, static_cast<size_t>(cores > 0 ? cores : best));
  threads_ = std::vector<Thread>(count);
  for (size_t i = 0; i < count; ++i) {
    threads_[i].rank = i;
    ranked_.push_back(i);
  }
  form_groups(processors);
  try {
    for (size_t i = 1; i < count; ++i) workers_.emplace_back(&ThreadPool::work, this, i);
  } catch (...) {  // the system has no more threads
    stop();
    throw;
  }
}

// Threads fall to caches as evenly as processors do, side by side.
void ThreadPool::form_groups(const Processors& processors) {
  size_t all = 0;
  for (const std::vector<int>& cache : processors.caches) all += cache.size();
  const bool is_whole = threads_.size() >= static_cast<size_t>(processors.cores);
  size_t before = 0;
  for (const std::vector<int>& cache : processors.caches) {
    const auto first = [&](size_t processor) { return processor * threads_.size() / all; };
    const size_t begin = first(before), end = first(before + cache.size());
    before += cache.size();
    for (size_t i = begin; i < end; i += kGroup) {
      Group& group = groups_.emplace_back();
      group.least_rank = std::max<size_t>(i, 1);
      if (is_whole && processors.caches.size() > 1) group.processors = cache;
      for (size_t j = i; j < std::min(i + kGroup, end); ++j) threads_[j].group = groups_.size() - 1;
    }
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  stop_ = true;
  for (Thread& thread : threads_) {
    thread.is_asleep.store(0);
    thread.is_asleep.notify_one();
  }
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(int64_t extent, int64_t unit, int64_t most_threads, Body body, void* data) {
  if (extent <= 0) return;
  unit = std::max<int64_t>(unit, 1);
  const int64_t units = (extent - 1) / unit + 1;
  if (most_ == 1 || units == 1 || most_threads <= 1 || inside_loop || !busy_.try_lock()) {
    for (int64_t begin = 0; begin < extent; begin += std::min(unit, extent - begin)) {
      body(data, begin, begin + std::min(unit, extent - begin));
    }
    return;
  }
  const std::lock_guard<std::mutex> release(busy_, std::adopt_lock);
  const auto threads =
      std::min<uint64_t>(static_cast<uint64_t>(std::min(units, most_threads)), usable_threads());
  loop_ = {extent, unit, threads, body, data, float_mode()};
  first_failure_.store(INT64_MAX, std::memory_order_relaxed);
  share_out(units);
  const int64_t begin = nanoseconds();
  open();
  take_units(0);
  close_and_wait(begin);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

// Those that are back from being done without are the last to be asked.
size_t ThreadPool::usable_threads() {
  if (away_ > 0) {
    const int64_t now = nanoseconds();
    for (size_t rank = threads_.size() - away_; rank < threads_.size(); ++rank) {
      if (threads_[ranked_[rank]].away_until > now) continue;
      swap_ranks(rank, threads_.size() - away_);
      --away_;
    }
  }
  return std::min(most_, threads_.size() - away_);
}

void ThreadPool::swap_ranks(size_t a, size_t b) {
  std::swap(ranked_[a], ranked_[b]);
  threads_[ranked_[a]].rank.store(a, std::memory_order_relaxed);
  threads_[ranked_[b]].rank.store(b, std::memory_order_relaxed);
  for (Group& group : groups_) group.least_rank = threads_.size();
  for (size_t rank = 1; rank < threads_.size(); ++rank) {
    Group& group = groups_[threads_[ranked_[rank]].group];
    group.least_rank = std::min(group.least_rank, rank);
  }
}

void ThreadPool::share_out(int64_t units) {
  const auto threads = static_cast<int64_t>(loop_.threads);
  const int64_t least = units / threads, more = units % threads;
  for (int64_t rank = 0, next = 0; rank < threads; ++rank) {
    Thread& thread = threads_[ranked_[static_cast<size_t>(rank)]];
    thread.next.store(next, std::memory_order_relaxed);
    next += least + (rank < more ? 1 : 0);
    thread.end = next;
  }
}

void ThreadPool::open() {
  ++number_;
  next_to_wake_.store(1, std::memory_order_relaxed);
  const uint64_t state = uint64_t{number_} << kNumberShift | uint64_t{loop_.threads} << kLimitShift | kOpen;
  for (Group& group : groups_) {
    if (group.least_rank < loop_.threads) group.state.store(state);
  }
  wake_some();
}

// Each that is woken wakes as many: all are awake after as many steps as a tree has levels.
void ThreadPool::wake_some() {
  constexpr int kEach = 2;
  if (asleep_.load() == 0) return;
  for (int woken = 0; woken < kEach && next_to_wake_.load(std::memory_order_relaxed) < loop_.threads;) {
    const size_t rank = next_to_wake_.fetch_add(1, std::memory_order_relaxed);
    if (rank >= loop_.threads) return;
    std::atomic<uint32_t>& is_asleep = threads_[ranked_[rank]].is_asleep;
    if (is_asleep.load() == 0 || is_asleep.exchange(0) == 0) continue;
    is_asleep.notify_one();
    ++woken;
  }
}

void ThreadPool::take_units(size_t self) {
  inside_loop = true;
  const size_t rank = threads_[self].rank.load(std::memory_order_relaxed);
  for (size_t i = 0; i < loop_.threads; ++i) take_share(threads_[ranked_[(rank + i) % loop_.threads]]);
  inside_loop = false;
}

void ThreadPool::take_share(Thread& thread) {
  const Loop& loop = loop_;
  while (thread.next.load(std::memory_order_relaxed) < thread.end) {
    const int64_t number = thread.next.fetch_add(1, std::memory_order_relaxed);
    if (number >= thread.end) return;
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

bool ThreadPool::is_anyone_inside() const {
  return std::ranges::any_of(groups_, [](const Group& group) { return (group.state.load() & kInside) != 0; });
}

// Threads that have not come by now are not waited for.
void ThreadPool::close_and_wait(int64_t begin) {
  for (Group& group : groups_) {
    if (group.least_rank < loop_.threads) group.state.fetch_and(~kOpen);
  }
  int64_t done = 0;  // when this has been found to take its time
  for (uint32_t spins = 0; is_anyone_inside(); ++spins) {
    pause();
    if (spins % kSpinsAClock != kSpinsAClock - 1) continue;
    const int64_t now = nanoseconds();
    if (done == 0) done = now;
    if (now - done < kSpin) continue;
    is_waiting_.store(1);
    if (is_anyone_inside()) is_waiting_.wait(1);
    is_waiting_.store(0);
  }
  if (done != 0) do_without_those_late(done + std::max(kStall, kStallFactor * (done - begin)));
}

void ThreadPool::do_without_those_late(int64_t since) {
  for (size_t i = 1; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    if (thread.left_late < since) continue;
    const int64_t now = nanoseconds(), before = thread.away_until;
    // Much later than the last time, it is another disturbance.
    const bool is_same = now < before + kStallMemory * thread.away_for;
    thread.away_for = is_same ? std::min(2 * thread.away_for, kLongestAway) : kShortestAway;
    thread.away_until = now + thread.away_for;
    ++away_;
    swap_ranks(thread.rank.load(std::memory_order_relaxed), threads_.size() - away_);
  }
}

bool ThreadPool::is_asked(size_t self, uint64_t state, uint64_t last) const {
  return is_open(state) && number_of(state) != last &&
         threads_[self].rank.load(std::memory_order_relaxed) < limit_of(state);
}

void ThreadPool::leave(size_t self) {
  // The caller has waited for long: it will want to know for whom.
  if (is_waiting_.load() != 0) threads_[self].left_late = nanoseconds();
  const uint64_t left = groups_[threads_[self].group].state.fetch_sub(1) - 1;
  if ((left & (kInside | kOpen)) == 0 && is_waiting_.exchange(0) != 0) is_waiting_.notify_one();
}

void ThreadPool::sleep(size_t self, uint64_t last) {
  Thread& thread = threads_[self];
  thread.is_asleep.store(1);
  ++asleep_;
  // Whoever opens a loop after this sees that one is asleep.
  if (!is_asked(self, groups_[thread.group].state.load(), last) && !stop_) thread.is_asleep.wait(1);
  --asleep_;
  thread.is_asleep.store(0);
}

void ThreadPool::work(size_t self) {
  own_pool = this;
  own_index = self;
  std::atomic<uint64_t>& state = groups_[threads_[self].group].state;
  stay_on(groups_[threads_[self].group].processors);
  uint64_t last = 0;  // the number of the last loop taken part in
  int64_t idle_since = nanoseconds();
  for (uint32_t spins = 0; !stop_.load(std::memory_order_relaxed); ++spins) {
    uint64_t seen = state.load(std::memory_order_acquire);
    if (is_asked(self, seen, last)) {
      if (!state.compare_exchange_weak(seen, seen + 1)) continue;
      last = number_of(seen);
      wake_some();
      set_float_mode(loop_.mode);
      take_units(self);
      leave(self);
      idle_since = nanoseconds();
      continue;
    }
    pause();
    if (spins % kSpinsAClock != kSpinsAClock - 1) continue;
    if (nanoseconds() - idle_since < kSpin) continue;
    sleep(self, last);
    idle_since = nanoseconds();
  }
}

}  // namespace sinter::runtime
