#pragma once

#include <cstdint>
#include <functional>

namespace sinter::bench {

// Of repeated calls, in seconds.
struct Times {
  int64_t calls = 0;
  double min = 0;
  double median = 0;
  double p95 = 0;
};

// A few calls to warm up, then calls for `seconds`, at least five.
Times measure(const std::function<void()>& call, double seconds);
// So many calls instead, where processes make them together.
Times measure_calls(const std::function<void()>& call, int64_t calls);

double seconds_now();                  // of a steady clock
double seconds_since_process_start();  // to 0.01 s, loading the libraries included
int64_t peak_resident_bytes();

}  // namespace sinter::bench
