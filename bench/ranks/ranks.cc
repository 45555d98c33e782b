// A step of several machines, simulated: ranks are threads that sleep instead of computing, their messages
// take as long as a wire of the given latency and bandwidth lets them. bench/ranks.py compares it with the
// model of docs/scaling.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/collectives/communicator.h"
#include "runtime/collectives/local_world.h"
#include "runtime/collectives/tree.h"

namespace {

using namespace sinter::runtime;
using Clock = std::chrono::steady_clock;

struct Options {
  int ranks = 2;
  int64_t leaves = 0;       // as many as ranks
  double compute = 0.1;     // seconds of a step on one rank; two thirds of it backward
  int64_t bytes = 1 << 20;  // of all gradients
  int sums = 8;             // that they go in
  int steps = 10;
  Wire wire;
};

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// Seconds of each step.
std::vector<double> steps_of(Communicator& communicator, const Options& options) {
  const int64_t leaves = options.leaves == 0 ? options.ranks : options.leaves;
  const int64_t elements = options.bytes / options.sums / 4;
  const Leaves own = leaves_of(leaves, communicator.size(), communicator.rank());
  const Collective sum{Collective::Kind::all_reduce, Fold::sum, leaves, {{DType::f32, elements}}};
  const size_t sums = static_cast<size_t>(options.sums);
  std::vector<std::vector<float>> operands(sums), results(sums);
  for (auto& operand : operands) operand.resize(static_cast<size_t>(elements * own.pieces()), 1);
  for (auto& result : results) result.resize(static_cast<size_t>(elements));
  // The share of the work that this rank's leaves are.
  const double compute = options.compute * static_cast<double>(own.count) / static_cast<double>(leaves);
  std::vector<double> seconds;
  for (int step = 0; step < options.steps; ++step) {
    communicator.exchange("step", "");  // together
    const Clock::time_point since = Clock::now();
    sleep_for(compute / 3);
    std::vector<uint64_t> tickets;
    for (size_t i = 0; i < sums; ++i) {
      sleep_for(compute * 2 / 3 / options.sums);
      const void* operand = operands[i].data();
      void* result = results[i].data();
      tickets.push_back(communicator.begin(sum, {&operand, 1}, {&result, 1}, {}, {}));
    }
    for (const uint64_t ticket : tickets) communicator.end(ticket);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - since).count());
  }
  return seconds;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  CLI::App app("Simulates a step of several machines");
  app.add_option("--ranks", options.ranks, "machines");
  app.add_option("--leaves", options.leaves, "micro-batches; as many as machines where left out");
  app.add_option("--compute", options.compute, "seconds of a step on one machine");
  app.add_option("--bytes", options.bytes, "of all gradients");
  app.add_option("--sums", options.sums, "that they go in");
  app.add_option("--steps", options.steps, "that are timed");
  app.add_option("--latency", options.wire.latency, "seconds");
  app.add_option("--bandwidth", options.wire.bytes_per_second, "bytes a second, each way; 0: no limit");
  CLI11_PARSE(app, count, arguments);

  std::vector<std::unique_ptr<Transport>> transports = local_world(options.ranks, options.wire);
  std::vector<double> seconds;  // of rank 0
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < transports.size(); ++rank) {
    threads.emplace_back([&, rank] {
      Communicator communicator(std::move(transports[rank]));
      std::vector<double> own = steps_of(communicator, options);
      if (rank == 0) seconds = std::move(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(seconds);
  std::printf("%.6f\n", seconds[seconds.size() / 2]);
}
