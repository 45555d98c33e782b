#include "bench/measure.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace sinter::bench {
namespace {

double read_clock(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

double seconds_now() {
  return read_clock(CLOCK_MONOTONIC);
}

namespace {

constexpr int kWarmup = 5;

Times measure_while(const std::function<void()>& call, const std::function<bool(size_t, double)>& goes_on) {
  for (int i = 0; i < kWarmup; ++i) call();
  std::vector<double> times;
  for (double begin = seconds_now(); goes_on(times.size(), begin);) {
    call();
    const double now = seconds_now();
    times.push_back(now - begin);
    begin = now;
  }
  std::sort(times.begin(), times.end());
  return {static_cast<int64_t>(times.size()), times.front(), times[times.size() / 2],
          times[times.size() * 95 / 100]};
}

}  // namespace

Times measure(const std::function<void()>& call, double seconds) {
  constexpr size_t kFewest = 5;
  double end = 0;
  return measure_while(call, [&](size_t calls, double now) {
    if (calls == 0) end = now + seconds;
    return now < end || calls < kFewest;
  });
}

Times measure_calls(const std::function<void()>& call, int64_t calls) {
  return measure_while(
      call, [&](size_t made, double) { return made < static_cast<size_t>(std::max<int64_t>(calls, 1)); });
}

double seconds_since_process_start() {
  // proc(5): the process's name, in parentheses, may hold anything; the start, in ticks since boot, is the
  // 20th field after it.
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;
  return read_clock(CLOCK_BOOTTIME) - std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int64_t peak_resident_bytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

}  // namespace sinter::bench
