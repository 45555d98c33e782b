#include "runtime/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace sinter::runtime {
namespace {

constexpr size_t kNamedSources = 3;

// "model.cpp:12, in words; model.cpp:14; and 2 more"
std::string sources_text(const KernelInfo& kernel) {
  std::string text;
  for (size_t i = 0; i < std::min(kernel.sources.size(), kNamedSources); ++i) {
    text += (i == 0 ? "" : "; ") + kernel.sources[i];
  }
  if (kernel.sources.size() > kNamedSources)
    text += fmt::format("; and {} more", kernel.sources.size() - kNamedSources);
  return text;
}

double microseconds(int64_t nanoseconds) {
  return 1e-3 * static_cast<double>(nanoseconds);
}

std::string rate(double amount, int64_t nanoseconds) {
  return amount > 0 && nanoseconds > 0 ? fmt::format("{:.2f}", amount / static_cast<double>(nanoseconds))
                                       : "-";
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

}  // namespace

int64_t Profile::now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

KernelTime& Profile::time_of(const KernelInfo& kernel) {
  const auto [it, is_new] = places_.try_emplace(&kernel, times_.size());
  if (is_new) times_.push_back({&kernel});
  return times_[it->second];
}

void Profile::add_span(Span span) {
  tracks_ = std::max(tracks_, span.track);
  if (spans_.size() < kMostSpans) spans_.push_back(std::move(span));
}

void Profile::add_call(const std::string& function, int64_t begin, int64_t end) {
  ++calls_;
  call_nanoseconds_ += end - begin;
  add_span({nullptr, function, 0, begin, end});
}

void Profile::add_launch(const KernelInfo& kernel, int64_t begin, int64_t end) {
  KernelTime& time = time_of(kernel);
  ++time.launches;
  time.nanoseconds += end - begin;
  add_span({&kernel, "", 0, begin, end});
}

void Profile::add_part(const KernelInfo& kernel, int track, int64_t begin, int64_t end) {
  time_of(kernel).parts_nanoseconds += end - begin;
  add_span({&kernel, "", track + 1, begin, end});
}

std::string Profile::table() const {
  std::vector<KernelTime> sums = times_;
  std::stable_sort(sums.begin(), sums.end(),
                   [](const KernelTime& a, const KernelTime& b) { return a.nanoseconds > b.nanoseconds; });
  int64_t total = 0;
  for (const KernelTime& sum : sums) total += sum.nanoseconds;
  std::string text =
      fmt::format("{} calls, {:.1f} us each, {:.1f} us of them in kernels\n", calls_,
                  microseconds(call_nanoseconds_) / static_cast<double>(std::max<int64_t>(calls_, 1)),
                  microseconds(total) / static_cast<double>(std::max<int64_t>(calls_, 1)));
  text += fmt::format("{:>9} {:>10} {:>7} {:>7} {:>9} {:>8}  {}\n", "launches", "us each", "share", "threads",
                      "GFLOP/s", "GB/s", "kernel");
  for (const KernelTime& sum : sums) {
    const KernelInfo& kernel = *sum.kernel;
    const auto launches = static_cast<double>(sum.launches);
    const auto time = static_cast<double>(std::max<int64_t>(sum.nanoseconds, 1));
    text += fmt::format("{:>9} {:>10.2f} {:>5.1f} % {:>7} {:>9} {:>8}  {}: {}\n", sum.launches,
                        microseconds(sum.nanoseconds) / launches,
                        100 * time / static_cast<double>(std::max<int64_t>(total, 1)),
                        sum.parts_nanoseconds > 0
                            ? fmt::format("{:.2f}", static_cast<double>(sum.parts_nanoseconds) / time)
                            : "-",
                        rate(kernel.flops * launches, sum.nanoseconds),
                        rate(kernel.bytes * launches, sum.nanoseconds), kernel.function, kernel.name);
    if (!kernel.sources.empty()) text += fmt::format("{:58}{}\n", "", sources_text(kernel));
  }
  return text;
}

std::string Profile::trace() const {
  std::string text = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
  for (int track = 0; track <= tracks_; ++track) {
    const std::string name = track == 0 ? "calls and kernels" : fmt::format("thread {}", track - 1);
    text +=
        fmt::format(R"({{"ph": "M", "name": "thread_name", "pid": 1, "tid": {}, "args": {{"name": "{}"}}}})",
                    track, name);
    text += track < tracks_ || !spans_.empty() ? ",\n" : "\n";
  }
  int64_t start = INT64_MAX;
  for (const Span& span : spans_) start = std::min(start, span.begin);
  for (size_t i = 0; i < spans_.size(); ++i) {
    const Span& span = spans_[i];
    text += fmt::format(R"({{"ph": "X", "pid": 1, "tid": {}, "ts": {:.3f}, "dur": {:.3f}, "name": {})",
                        span.track, microseconds(span.begin - start), microseconds(span.end - span.begin),
                        quoted(span.kernel != nullptr ? span.kernel->name : span.function));
    if (span.kernel != nullptr && span.track == 0) {
      text += fmt::format(R"(, "args": {{"function": {}, "flops": {}, "bytes": {}, "sources": {}}})",
                          quoted(span.kernel->function), span.kernel->flops, span.kernel->bytes,
                          quoted(sources_text(*span.kernel)));
    }
    text += i + 1 < spans_.size() ? "},\n" : "}\n";
  }
  return text + "]}\n";
}

}  // namespace sinter::runtime
