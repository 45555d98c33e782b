#include "examples/support/processes.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <cstdio>
#include <exception>

#include "runtime/file.h"

namespace examples {
namespace {

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

// Prints what this process is the one to tell.
int failed(const std::string& program, const Processes& processes, const std::exception& error) {
  const bool is_usage = dynamic_cast<const UsageError*>(&error) != nullptr;
  const std::string text = processes == nullptr ? error.what() : processes->fail(error.what());
  std::fflush(stdout);
  if (!text.empty()) {
    fmt::print(stderr, "{}: {}\n{}", program, text,
               is_usage ? "Run with --help for more information.\n" : "");
  }
  return is_usage ? kUsageError : kFailure;
}

}  // namespace

int run(const std::string& program, const std::function<Processes()>& all,
        const std::function<void(const Processes&)>& work) {
  Processes processes;
  try {
    processes = all();
    if (!is_first(processes) && std::freopen("/dev/null", "w", stdout) == nullptr)
      throw sinter::Error("cannot open /dev/null");
    work(processes);
    sinter::runtime::flush_output();
    return 0;
  } catch (const std::exception& error) {
    return failed(program, processes, error);
  }
}

void check_micro_batches(int64_t micro_batches, int64_t batch, const Processes& processes) {
  const int size = processes == nullptr ? 1 : processes->size();
  if (micro_batches < size) {
    throw sinter::Error(
        fmt::format("--micro-batches is {}, and {} processes share them: it must be {} or more",
                    micro_batches, size, size));
  }
  if (batch % micro_batches != 0)
    throw sinter::Error(
        fmt::format("--micro-batches is {}, which does not divide --batch, {}", micro_batches, batch));
}

}  // namespace examples
