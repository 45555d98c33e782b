#include "bench/machine_peak.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "bench/measure.h"

namespace sinter::bench {
namespace {

constexpr int kChains = 12;  // independent sums: more than a multiply-add's latency times its units
constexpr int kRuns = 8;

typedef float Vector128 __attribute__((vector_size(16)));
typedef float Vector256 __attribute__((vector_size(32)));
typedef float Vector512 __attribute__((vector_size(64)));

// This file is compiled with contraction, so that a * b + c is one instruction where the machine has it.
template <typename Vector>
[[gnu::always_inline]] inline float multiply_add(int64_t iterations) {
  // Each from a start of its own: equal chains would be computed as one.
  Vector sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vector{} + static_cast<float>(chain);
  const Vector a = Vector{} + 0.999f;
  const Vector b = Vector{} + 0.001f;
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] * a + b;
  }
  Vector total = sums[0];
  for (int chain = 1; chain < kChains; ++chain) total += sums[chain];
  return total[0];
}

struct Loop {
  float (*run)(int64_t iterations);
  int floats;  // in a vector
};

#if defined(__x86_64__)
[[gnu::target("avx512f")]] float multiply_add_avx512(int64_t iterations) {
  return multiply_add<Vector512>(iterations);
}
[[gnu::target("avx2,fma")]] float multiply_add_avx2(int64_t iterations) {
  return multiply_add<Vector256>(iterations);
}
#endif
float multiply_add_128(int64_t iterations) {
  return multiply_add<Vector128>(iterations);
}

Loop widest_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {multiply_add_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {multiply_add_avx2, 8};
#endif
  return {multiply_add_128, 4};
}

// The shortest time in which `threads` threads each ran `work(thread)` at once.
double best_seconds(int threads, const std::function<void(int)>& work) {
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double begin = seconds_now();
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
    for (std::thread& other : others) other.join();
    const double seconds = seconds_now() - begin;
    best = run == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

}  // namespace

double peak_flops(int threads) {
  constexpr int64_t kIterations = 4'000'000;
  const Loop loop = widest_loop();
  std::vector<float> sums(static_cast<size_t>(threads));  // so that the loops are not dead
  const double seconds =
      best_seconds(threads, [&](int thread) { sums[static_cast<size_t>(thread)] = loop.run(kIterations); });
  return 2.0 * kChains * loop.floats * static_cast<double>(kIterations) * threads / seconds;
}

double peak_copy_bandwidth(int threads) {
  // For each thread, beyond its caches; many threads go beyond them together.
  constexpr size_t kEach = size_t{64} << 20, kTogether = size_t{1} << 30;
  const size_t bytes = std::min(kEach, kTogether / static_cast<size_t>(threads));
  std::vector<char> from(bytes * static_cast<size_t>(threads), 1);
  std::vector<char> to(from.size());
  const double seconds = best_seconds(threads, [&](int thread) {
    const size_t begin = bytes * static_cast<size_t>(thread);
    std::memcpy(to.data() + begin, from.data() + begin, bytes);
  });
  return 2.0 * static_cast<double>(from.size()) / seconds;
}

}  // namespace sinter::bench
