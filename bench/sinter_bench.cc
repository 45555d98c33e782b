// sinter-bench WORKLOAD: how long a call of a compiled function takes, and how that compares with what the
// machine can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#if SINTER_MPI
#include <sinter/processes/mpi.h>
#endif

#include "bench/machine_peak.h"
#include "bench/measure.h"
#include "bench/workloads/workload.h"
#include "runtime/thread_pool.h"
#include "tools/command_line.h"
#include "tools/validators.h"

namespace sinter::bench {
namespace {

struct Options {
  std::string workload;
  std::string device = "cpu";
  std::string target = "native";
  int threads = 0;
  double seconds = 4;
  int64_t micro_batches = 1;
  int64_t calls = 0;  // 0: as many as fit into the seconds
  int callers = 0;    // 0: one Function that is run again and again
  bool json = false;
  bool explain = false;
  bool graph = false;
  bool fuse = true;
  bool profile = false;
  std::string trace;   // a file; empty: none
  std::string report;  // the same
};

struct Result {
  double first_step = 0;  // the first call of the compiled function
  double cold = 0;        // process start to the end of the first call
  Times times;
  double flops = 0;  // a call
  double bytes = 0;  // a call, if every input, output and state moved once
  int64_t resident = 0;
  double peak_flops = 0;
  double peak_bandwidth = 0;
  std::string profile;  // of calls after the measured ones
};

// Nearly normal, of variance 1: a sum of four. What draws well takes longer than the step for large inputs.
float drawn_normal(std::mt19937_64& random) {
  const uint64_t bits = random();
  float sum = 0;
  for (int shift = 0; shift < 64; shift += 16) sum += static_cast<float>(bits >> shift & 0xffff);
  return (sum / 65536 - 2) * 1.7320508F;
}

Arrays drawn(const std::vector<TensorInfo>& inputs, int32_t classes) {
  std::mt19937_64 random(0);
  Arrays arrays;
  for (const TensorInfo& info : inputs) {
    Array& array = arrays[info.name] = Array(info.dtype, info.shape);
    if (info.dtype == i32) {
      for (int32_t& value : array.values<int32_t>())
        value = static_cast<int32_t>(random() % static_cast<uint64_t>(classes));
    } else {
      for (float& value : array.values<float>()) value = drawn_normal(random);
    }
  }
  return arrays;
}

// Elements here are 4 bytes wide.
double bytes_of(const std::vector<TensorInfo>& tensors) {
  double bytes = 0;
  for (const TensorInfo& info : tensors) bytes += 4.0 * static_cast<double>(element_count(info.shape));
  return bytes;
}

Workload requested_workload(const Options& options) {
  try {
    return workload(options.workload);
  } catch (const Error& error) {
    throw tools::UsageError(error.what());
  }
}

// The same with a batch that can be cut: the first extent of every input.
DimSizes cut_batch(Workload& work, int64_t micro_batches) {
  if (micro_batches == 1) return {};
  work.options.micro_batches = micro_batches;
  const Dim batch{"batch"};
  std::optional<int64_t> size;
  for (Input& input : work.inputs) {
    if (input.shape.size() == 0) continue;
    const int64_t first = input.shape[0].bound(0).value();
    if (size && *size != first) throw tools::UsageError("--micro-batches: inputs have other batches");
    size = first;
    std::vector<Extent> extents(input.shape.begin(), input.shape.end());
    extents[0] = batch;
    input.shape = extents;
  }
  if (!size) throw tools::UsageError("--micro-batches: no input has a batch");
  return {{batch, *size}};
}

std::shared_ptr<Communicator> processes() {
#if SINTER_MPI
  return mpi_world();
#else
  return std::make_shared<Communicator>();
#endif
}

void print_graph(const Options& options) {
  const Workload work = requested_workload(options);
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile({.device = "reference"});
  fmt::print("{}", program.text("step", false));
}

Result run(const Options& options, const std::shared_ptr<Communicator>& processes) {
  Workload work = requested_workload(options);
  const DimSizes dims = cut_batch(work, options.micro_batches);
  for (const std::string& path : {options.trace, options.report}) {
    if (!path.empty()) runtime::check_writable(path);
  }
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile({.device = options.device,
                   .target = options.target,
                   .threads = options.threads,
                   .dims = dims,
                   .communicator = processes,
                   .fuse = options.fuse});
  if (options.explain && (processes == nullptr || processes->rank() == 0))
    fmt::print("{}{}", program.explain("step"), program.memory("step"));
  Function function = program.function("step");
  for (const auto& [name, array] : drawn(function.inputs(), work.classes)) {
    function.bind(name, program.upload(array));
  }

  Result result;
  const double begin = seconds_now();
  function.run();
  result.first_step = seconds_now() - begin;
  result.cold = seconds_since_process_start();
  result.times = options.calls > 0 ? measure_calls([&] { function.run(); }, options.calls)
                                   : measure([&] { function.run(); }, options.seconds);
  result.resident = peak_resident_bytes();
  if (options.profile || !options.trace.empty() || !options.report.empty()) {
    program.start_profile();
    measure([&] { function.run(); }, options.seconds);
    result.profile = program.profile();
    if (!options.trace.empty()) program.save_trace(options.trace);
  }

  const int writes = work.options.training ? 2 : 1;  // training reads and writes its state
  result.flops = work.flops;
  result.bytes =
      bytes_of(function.inputs()) + bytes_of(function.outputs()) + writes * bytes_of(program.states());
  result.peak_flops = peak_flops(options.threads);
  result.peak_bandwidth = peak_copy_bandwidth(options.threads);
  if (!options.report.empty()) {
    program.report(
        options.report,
        {.title = options.workload, .peak_flops = result.peak_flops, .peak_bytes = result.peak_bandwidth});
  }
  return result;
}

// Calls of Program::run a second, of so many threads together.
double calls_a_second(Program& program, const Arrays& inputs, int callers, double seconds) {
  std::atomic<int64_t> calls = 0;
  std::vector<std::thread> threads;
  const double begin = seconds_now();
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      int64_t own = 0;
      for (; seconds_now() < begin + seconds; ++own) program.run("step", inputs);
      calls += own;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(calls) / (seconds_now() - begin);
}

void run_callers(const Options& options) {
  const Workload work = requested_workload(options);
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile(
      {.device = options.device, .target = options.target, .threads = options.threads, .fuse = options.fuse});
  const Arrays inputs = drawn(program.function("step").inputs(), work.classes);
  calls_a_second(program, inputs, options.callers, 0.1 * options.seconds);
  // In turns, so that what else the machine does falls on both.
  constexpr int kTurns = 4;
  double one = 0, all = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    one += calls_a_second(program, inputs, 1, options.seconds / kTurns) / kTurns;
    all += calls_a_second(program, inputs, options.callers, options.seconds / kTurns) / kTurns;
  }
  fmt::print(
      "{} on {}, {} thread(s)\n  1 caller: {:.0f} calls/s  {} callers: {:.0f} calls/s, {:.2f} times as "
      "many\n",
      options.workload, options.device, options.threads, one, options.callers, all, all / one);
}

void print_json(const Options& options, const Result& result) {
  const nlohmann::ordered_json line = {
      {"workload", options.workload},
      {"system", "sinter"},
      {"device", options.device},
      {"target", options.target},
      {"threads", options.threads},
      {"calls", result.times.calls},
      {"min_us", 1e6 * result.times.min},
      {"median_us", 1e6 * result.times.median},
      {"p95_us", 1e6 * result.times.p95},
      {"first_step_ms", 1e3 * result.first_step},
      {"cold_ms", 1e3 * result.cold},
      {"peak_rss_mb", static_cast<double>(result.resident) / (1 << 20)},
      {"flops", result.flops},
      {"bytes", result.bytes},
      {"gflops", 1e-9 * result.flops / result.times.median},
      {"gbytes", 1e-9 * result.bytes / result.times.median},
      {"peak_gflops", 1e-9 * result.peak_flops},
      {"peak_gbytes", 1e-9 * result.peak_bandwidth},
  };
  fmt::print("{}\n", line.dump());
}

void print_rate(const char* unit, double amount, double seconds, double peak, const char* peak_name) {
  const double rate = amount / seconds;
  fmt::print("  {:8.2f} {:<8} {:5.1f} % of {}, {:.1f} {}\n", 1e-9 * rate, unit, 100 * rate / peak, peak_name,
             1e-9 * peak, unit);
}

void print_text(const Options& options, const Result& result) {
  const Times& times = result.times;
  fmt::print("{} on {}, {} thread(s), {} calls\n", options.workload, options.device, options.threads,
             times.calls);
  fmt::print("  min {:.1f}  median {:.1f}  p95 {:.1f} us\n", 1e6 * times.min, 1e6 * times.median,
             1e6 * times.p95);
  if (result.flops > 0)
    print_rate("GFLOP/s", result.flops, times.median, result.peak_flops, "a multiply-add loop");
  print_rate("GB/s", result.bytes, times.median, result.peak_bandwidth, "a memory copy");
  fmt::print("  first step {:.2f} ms, process start to its end {:.0f} ms, peak memory {:.1f} MiB\n",
             1e3 * result.first_step, 1e3 * result.cold, static_cast<double>(result.resident) / (1 << 20));
  if (options.profile) fmt::print("{}", result.profile);
}

}  // namespace
}  // namespace sinter::bench

int main(int argc, char** argv) {
  using namespace sinter::bench;
  Options options;
  std::string fuse = "on";
  CLI::App app("Times one workload.", "sinter-bench");
  app.add_option("WORKLOAD", options.workload, workload_names())->required();
  app.add_option("--device", options.device, "reference, cpu or another backend")->capture_default_str();
  app.add_option("--target", options.target, "what the cpu device compiles for: native, x86-64-v3, ...")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "of the cpu device; 0: the cores that this process may use")
      ->capture_default_str()
      ->check(sinter::tools::whole_number(0, 1024));
  app.add_option("--seconds", options.seconds, "how long to measure, in seconds")
      ->capture_default_str()
      ->check(sinter::tools::number(0, 3600));
  app.add_option("--micro-batches", options.micro_batches,
                 "of the batch, which processes share that mpirun has started; with these, --calls too")
      ->capture_default_str()
      ->check(sinter::tools::whole_number(1, 1 << 20));
  app.add_option("--calls", options.calls, "measure so many, rather than for --seconds")
      ->check(sinter::tools::whole_number(1, 1'000'000'000));
  CLI::Option* callers =
      app.add_option("--callers", options.callers,
                     "instead, count the calls a second of one thread and of so many that share the program")
          ->check(sinter::tools::whole_number(1, 1024));
  app.add_flag("--explain", options.explain, "print the kernels and the memory of the step first");
  app.add_option("--fuse", fuse, "on, or off: one kernel an op")->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--profile", options.profile, "print how long each kernel took");
  app.add_option("--trace", options.trace, "write when each kernel ran, for Perfetto, to this file");
  app.add_option("--report", options.report,
                 "write a page for a browser to this file: kernels, their code and times, memory");
  app.add_flag("--graph", options.graph, "print the step as a graph, for sinter-opt, and nothing else");
  app.add_flag("--json", options.json, "print one line of JSON")->excludes(callers);
  return sinter::tools::run_tool(app, argc, argv, [&] {
    options.fuse = fuse == "on";
    if (options.threads == 0) options.threads = sinter::runtime::available_cores();
    if (options.graph) return print_graph(options);
    if (options.callers > 0) return run_callers(options);
    const auto all = options.micro_batches > 1 ? processes() : nullptr;
    if (all != nullptr && all->size() > 1 && options.calls == 0)
      throw sinter::tools::UsageError("--calls: processes make as many calls as each other; say how many");
    const Result result = run(options, all);
    if (all != nullptr && all->rank() != 0) return;
    options.json ? print_json(options, result) : print_text(options, result);
  });
}
