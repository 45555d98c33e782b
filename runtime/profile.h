#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sinter::runtime {

// A kernel of a compiled function, as a profile tells it.
struct KernelInfo {
  std::string function;
  std::string name;
  std::vector<std::string> sources;  // where in the user's source its ops were made
  double flops = 0;                  // a launch
  double bytes = 0;                  // that a launch reads and writes at least
  size_t number = 0;                 // of the function's kernels
};

// How long the launches of a kernel took together.
struct KernelTime {
  const KernelInfo* kernel;
  int64_t launches = 0;
  int64_t nanoseconds = 0;
  int64_t parts_nanoseconds = 0;  // of all threads or queues
};

// How long each kernel took, over any number of calls. An executable that is given one in its Call writes
// what it launched there, in nanoseconds of now()'s clock; a device with a clock of its own moves its times
// to this one. Kernels are told apart by their addresses and must live as long as the profile. One call at a
// time writes to it.
class Profile {
 public:
  static int64_t now();

  void add_call(const std::string& function, int64_t begin, int64_t end);
  // One launch, from its begin until nothing of it runs any more.
  void add_launch(const KernelInfo& kernel, int64_t begin, int64_t end);
  // What one thread or queue did of a launch; these are shown beside each other.
  void add_part(const KernelInfo& kernel, int track, int64_t begin, int64_t end);

  // In the order of their first launches.
  const std::vector<KernelTime>& times() const { return times_; }
  // Kernels by their share of the time, longest first: launches, time, share, rates, source lines.
  std::string table() const;
  // Trace events for Perfetto or chrome://tracing, of the first calls: kMostSpans in all.
  std::string trace() const;

  static constexpr size_t kMostSpans = 200'000;

 private:
  struct Span {
    const KernelInfo* kernel;  // null: a call
    std::string function;      // of a call
    int track;                 // 0: calls and launches
    int64_t begin, end;
  };

  KernelTime& time_of(const KernelInfo& kernel);
  void add_span(Span span);

  std::vector<KernelTime> times_;
  std::unordered_map<const KernelInfo*, size_t> places_;  // in times_
  std::vector<Span> spans_;
  int64_t calls_ = 0;
  int64_t call_nanoseconds_ = 0;
  int tracks_ = 0;
};

}  // namespace sinter::runtime
