#include "bench/machine_peak.h"

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "bench/measure.h"

namespace sinter::bench {
namespace {

constexpr int kRuns = 24;

typedef float Vector128 __attribute__((vector_size(16)));
typedef float Vector256 __attribute__((vector_size(32)));
typedef float Vector512 __attribute__((vector_size(64)));

// This file is compiled with contraction, so that a * b + c is one instruction where the machine has it.
// `chains` sums that do not wait for each other keep the units busy: twice the latency times the units where
// the registers suffice.
template <typename Vector, int chains>
[[gnu::always_inline]] inline float multiply_add(int64_t iterations) {
  // Each from a start of its own: equal chains would be computed as one.
  Vector sums[chains];
  for (int chain = 0; chain < chains; ++chain) sums[chain] = Vector{} + static_cast<float>(chain);
  const Vector a = Vector{} + 0.999f;
  const Vector b = Vector{} + 0.001f;
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
    for (int chain = 0; chain < chains; ++chain) sums[chain] = sums[chain] * a + b;
  }
  Vector total = sums[0];
  for (int chain = 1; chain < chains; ++chain) total += sums[chain];
  return total[0];
}

struct Loop {
  float (*run)(int64_t iterations);
  int multiply_adds;  // in an iteration
};

#if defined(__x86_64__)
[[gnu::target("avx512f")]] float multiply_add_avx512(int64_t iterations) {
  return multiply_add<Vector512, 24>(iterations);
}
[[gnu::target("avx2,fma")]] float multiply_add_avx2(int64_t iterations) {
  return multiply_add<Vector256, 12>(iterations);
}
#endif
float multiply_add_128(int64_t iterations) {
  return multiply_add<Vector128, 12>(iterations);
}

Loop widest_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {multiply_add_avx512, 24 * 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {multiply_add_avx2, 12 * 8};
#endif
  return {multiply_add_128, 12 * 4};
}

// The shortest time in which so many threads each ran `work(thread)` at once, after `prepare(thread)`.
double best_seconds(int threads, const std::function<void(int)>& prepare,
                    const std::function<void(int)>& work) {
  std::barrier together(threads);
  double best = std::numeric_limits<double>::infinity();
  const auto run_all = [&](int thread) {
    prepare(thread);
    for (int run = 0; run < kRuns; ++run) {
      const double begin = seconds_now();  // before any other can begin
      together.arrive_and_wait();
      work(thread);
      together.arrive_and_wait();
      if (thread == 0) best = std::min(best, seconds_now() - begin);
    }
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run_all, thread);
  run_all(0);
  for (std::thread& other : others) other.join();
  return best;
}

}  // namespace

double peak_flops(int threads) {
  constexpr int64_t kMultiplyAdds = int64_t{1} << 29;  // of a thread, longer than threads take to meet
  const Loop loop = widest_loop();
  const int64_t iterations = kMultiplyAdds / loop.multiply_adds;
  const double seconds = best_seconds(
      threads, [](int) {}, [&](int) { loop.run(iterations); });
  return 2.0 * loop.multiply_adds * static_cast<double>(iterations) * threads / seconds;
}

double peak_copy_bandwidth(int threads) {
  // For each thread, beyond its caches; many threads go beyond them together.
  constexpr size_t kEach = size_t{64} << 20, kTogether = size_t{1} << 30;
  const size_t bytes = std::min(kEach, kTogether / static_cast<size_t>(threads));
  const size_t all = bytes * static_cast<size_t>(threads);
  const auto from = std::make_unique_for_overwrite<char[]>(all),
             to = std::make_unique_for_overwrite<char[]>(all);
  const auto begin_of = [&](int thread) { return bytes * static_cast<size_t>(thread); };
  // Memory is near the core that first writes it.
  const auto touch = [&](int thread) {
    std::memset(from.get() + begin_of(thread), 1, bytes);
    std::memset(to.get() + begin_of(thread), 0, bytes);
  };
  const double seconds = best_seconds(threads, touch, [&](int thread) {
    std::memcpy(to.get() + begin_of(thread), from.get() + begin_of(thread), bytes);
  });
  return 2.0 * static_cast<double>(all) / seconds;
}

}  // namespace sinter::bench
