// Processes of which one is killed or stopped at any moment: the others end, and what is left goes on, with
// any number of processes, to the bytes of a run that was left alone.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "runtime/file.h"
#include "tests/processes/launch.h"
#include "tests/runtime/scratch_folder.h"

namespace sinter {
namespace {

using namespace std::chrono_literals;
using test::Launcher;
using test::Outcome;
using Clock = std::chrono::steady_clock;

constexpr int kRanks = 4;
constexpr const char* kLast = "step-0000000120.safetensors";

// How many of each kind, with each MPI.
int kills() {
  const char* given = std::getenv("SINTER_KILLS");
  return given == nullptr ? 1 : std::atoi(given);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Of the processes that run the program with this argument, all.
std::vector<pid_t> processes_of(const std::string& program, const std::string& argument) {
  std::vector<pid_t> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t process = std::atoi(entry.path().filename().c_str());
    std::error_code gone;
    if (process == 0 || std::filesystem::read_symlink(entry.path() / "exe", gone) != program) continue;
    if (content(entry.path() / "cmdline").find(argument + '\0') != std::string::npos) all.push_back(process);
  }
  return all;
}

// Seconds until they have ended, 20 at most. What is left of one that nobody has waited for is no process.
double seconds_to_end(std::vector<pid_t> processes) {
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < 20) {
    std::erase_if(processes, [](pid_t process) {
      const std::string status = content(fmt::format("/proc/{}/stat", process));
      return status.empty() || status.find(") Z ") != std::string::npos;
    });
    if (processes.empty()) break;
    std::this_thread::sleep_for(10ms);
  }
  return seconds_since(begin);
}

class KilledRuns {
 public:
  KilledRuns(const ScratchFolder& folder, const std::string& mpi, std::string expected)
      : folder_(folder),
        mpi_(mpi),
        launcher_(folder.path(""), mpi),
        expected_(std::move(expected)),
        random_(std::hash<std::string>()(mpi)) {}

  static std::string train(const std::string& run, bool resume = false) {
    return fmt::format(
        "char_model train --context 16 --layers 1 --heads 2 --width 16 --dropout 0.2 --batch 8 "
        "--micro-batches 4 --threads 1 --steps 120 --every 4 --save {}{}",
        run, resume ? " --resume" : "");
  }

  // A run of which some process gets the signal at some moment; the next one where it has ended before.
  void run(int signal) {
    for (int tries = 0; tries < 20; ++tries) {
      if (run_once(signal, fmt::format("{}-{}", mpi_, ++runs_))) return;
    }
    ADD_FAILURE() << "no run was hit";
  }

 private:
  bool run_once(int signal, const std::string& name) {
    SCOPED_TRACE(fmt::format("run {}, signal {}", name, signal));
    test::Running running = launcher_.start(kRanks, train(name));
    std::vector<pid_t> processes;
    const Clock::time_point started = Clock::now();
    while (seconds_since(started) < 30 &&
           (processes.size() < kRanks || !std::filesystem::exists(folder_.path(name)))) {
      std::this_thread::sleep_for(2ms);
      processes = processes_of(launcher_.program("char_model"), name);
    }
    if (processes.size() < kRanks) {
      ADD_FAILURE() << "did not start: " << running.wait().text;
      return true;
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(drawn(0, usual_)));
    processes = processes_of(launcher_.program("char_model"), name);
    if (processes.size() < kRanks) {
      EXPECT_EQ(running.wait().status, 0);
      usual_ = seconds_since(started);
      return false;
    }
    const size_t number = static_cast<size_t>(drawn(0, kRanks));
    const pid_t victim = processes[number];
    const Clock::time_point hit = Clock::now();
    ::kill(victim, signal);
    processes.erase(processes.begin() + static_cast<ptrdiff_t>(number));
    const double seconds = seconds_to_end(processes);
    // Where the run was over, nobody is left who would notice that one has been stopped.
    if (std::filesystem::exists(folder_.path(name + "/" + kLast))) {
      ::kill(victim, SIGKILL);
      running.wait();
      EXPECT_LT(seconds, 5);
      return false;
    }
    const Outcome outcome = running.wait();
    EXPECT_LT(seconds, 5) << outcome.text;
    if (outcome.status == 0) return false;
    EXPECT_LT(seconds_since(hit), 8) << outcome.text;  // with what started them
    for (const int ranks : {1, 3}) go_on(name, ranks);
    return true;
  }

  void go_on(const std::string& name, int ranks) const {
    const std::string copy = fmt::format("{}-{}", name, ranks);
    std::filesystem::copy(folder_.path(name), folder_.path(copy));
    bool has_checkpoint = false;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path(copy)))
      has_checkpoint |= entry.path().extension() == ".safetensors";
    const Outcome outcome = launcher_.run(ranks, train(copy, has_checkpoint));
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    EXPECT_TRUE(runtime::read_file(folder_.path(copy + "/" + kLast)) == expected_) << outcome.text;
  }

  double drawn(double from, double to) { return std::uniform_real_distribution<double>(from, to)(random_); }

  const ScratchFolder& folder_;
  std::string mpi_;
  Launcher launcher_;
  std::string expected_;
  std::mt19937 random_;
  double usual_ = 1;  // seconds that a run takes
  int runs_ = 0;
};

TEST(KilledProcesses, GoOnToTheBytesOfThoseThatWereLeftAlone) {
  const ScratchFolder folder;
  ASSERT_EQ(Launcher(folder.path("")).run(1, KilledRuns::train("alone")).status, 0);
  const std::string expected = runtime::read_file(folder.path("alone/") + kLast);
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    KilledRuns runs(folder, mpi, expected);
    for (int i = 0; i < kills(); ++i) {
      runs.run(SIGKILL);
      runs.run(SIGSTOP);
    }
  });
}

}  // namespace
}  // namespace sinter
