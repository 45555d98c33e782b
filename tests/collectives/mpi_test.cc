// Ranks under every MPI that is there: tests/collectives/mpi/rank.cc does what each case says.
#include "tests/support/mpi.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sinter::runtime {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  std::string text;  // of all ranks and of what started them
  int status = -1;
  double seconds = 0;  // since the signal, or the begin
};

class Ranks {
 public:
  Ranks(std::string mpi, std::string launcher) : mpi_(std::move(mpi)), launcher_(std::move(launcher)) {}

  // Runs the ranks; where `signal` is none of 0, rank `victim` gets it once all are on their way.
  Outcome run(const std::string& work, int ranks, int signal = 0, int victim = 0) const {
    const std::string folder =
        fmt::format("{}/sinter-ranks-{}-{}-{}-{}", std::filesystem::temp_directory_path().string(), getpid(),
                    mpi_, work, signal);
    std::filesystem::create_directories(folder);
    const std::string command = fmt::format("cd {} && timeout 60 {} -n {} {}/mpi_rank_{} {} 2>&1", folder,
                                            launcher_, ranks, SINTER_BINARY_DIR, mpi_, work);
    Outcome result;
    auto since = std::chrono::steady_clock::now();
    FILE* pipe = popen(command.c_str(), "r");
    if (signal != 0) {
      const auto process_of = [&](int rank) {
        pid_t process = 0;
        for (int i = 0; i < 2000 && process == 0; ++i) {
          std::ifstream(folder + "/" + std::to_string(rank)) >> process;
          std::this_thread::sleep_for(10ms);
        }
        return process;
      };
      std::vector<pid_t> processes;
      for (int rank = 0; rank < ranks; ++rank) processes.push_back(process_of(rank));
      EXPECT_THAT(processes, Not(testing::Contains(0)));
      if (processes[static_cast<size_t>(victim)] != 0) kill(processes[static_cast<size_t>(victim)], signal);
      since = std::chrono::steady_clock::now();
    }
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) result.text += buffer;
    result.status = pclose(pipe);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
    std::filesystem::remove_all(folder);
    return result;
  }

 private:
  std::string mpi_, launcher_;
};

void with_each_mpi(const std::function<void(const Ranks&)>& check) {
  test::with_each_mpi(
      [&](const std::string& mpi, const std::string& launcher) { check(Ranks(mpi, launcher)); });
}

TEST(Ranks, HaveTheSameBitsForAnyNumberOfThem) {
  with_each_mpi([](const Ranks& ranks) {
    const Outcome one = ranks.run("sums", 1);
    EXPECT_THAT(one.text, ContainsRegex("^sums [0-9]+\n$"));
    EXPECT_EQ(one.status, 0);
    for (const int count : {2, 3, 4}) {
      const Outcome more = ranks.run("sums", count);
      EXPECT_THAT(more.text, HasSubstr(one.text));
      EXPECT_EQ(more.status, 0);
    }
  });
}

// Which would run as many copies.
TEST(Ranks, RefuseTheLauncherOfAnotherMpi) {
  if (test::kLaunchers.size() < 2) GTEST_SKIP() << "one MPI at most";
  for (const auto& [mpi, launcher] : {std::pair("mpich", "openmpi"), std::pair("openmpi", "mpich")}) {
    const Outcome sums = Ranks(mpi, test::kLaunchers.at(launcher)).run("sums", 2);
    EXPECT_THAT(sums.text,
                ContainsRegex("error: 2 processes have been started by the launcher of another MPI than "
                              "(Open MPI|MPICH)[^,]*, with which Sinter was built\n"));
    EXPECT_NE(sums.status, 0);
  }
}

TEST(Ranks, MayBeBusyWithoutTheOthers) {
  with_each_mpi([](const Ranks& ranks) {
    const Outcome waits = ranks.run("waits", 3);
    EXPECT_THAT(waits.text, HasSubstr("went on\nsaved\n"));
    EXPECT_EQ(waits.status, 0);
  });
}

TEST(Ranks, TellWhyTheyEnd) {
  with_each_mpi([](const Ranks& ranks) {
    const Outcome fails = ranks.run("fails", 3), returns = ranks.run("returns", 3),
                  disagrees = ranks.run("disagrees", 3);
    EXPECT_THAT(fails.text, HasSubstr("error: cannot open data.conllu\n"));
    EXPECT_THAT(fails.text, HasSubstr("error: rank 1 ended: cannot open data.conllu\n"));
    EXPECT_THAT(returns.text, HasSubstr("error: rank 1 ended before the others\n"));
    EXPECT_THAT(disagrees.text, HasSubstr("error: rank 1 was given other data than the others\n"));
    for (const Outcome& each : {fails, returns, disagrees}) {
      EXPECT_NE(each.status, 0);
      EXPECT_LT(each.seconds, 10) << each.text;  // with the start
    }
  });
}

// What starts them says who was killed, and ends the others.
TEST(Ranks, EndWithOneThatIsKilled) {
  with_each_mpi([](const Ranks& ranks) {
    auto steps = std::async(std::launch::async, [&] { return ranks.run("steps", 3, SIGKILL, 1); });
    const Outcome alone = ranks.run("alone", 3, SIGKILL, 2), in_steps = steps.get();
    for (const Outcome& each : {alone, in_steps}) {
      EXPECT_NE(each.status, 0);
      EXPECT_LT(each.seconds, 5) << each.text;
      EXPECT_THAT(each.text, AnyOf(HasSubstr("exited on signal 9"), HasSubstr("Killed (signal 9)"),
                                   HasSubstr("has not answered"), HasSubstr("ended before")));
    }
  });
}

TEST(Ranks, EndWithOneThatStops) {
  with_each_mpi([](const Ranks& ranks) {
    auto steps = std::async(std::launch::async, [&] { return ranks.run("steps", 3, SIGSTOP, 1); });
    const Outcome alone = ranks.run("alone", 3, SIGSTOP, 0), in_steps = steps.get();
    EXPECT_THAT(in_steps.text, ContainsRegex("error: rank 1 has not answered for 2\\.[5-9] s\n"));
    EXPECT_THAT(alone.text, ContainsRegex("error: rank 0 has not answered for 2\\.[5-9] s\n"));
    for (const Outcome& each : {alone, in_steps}) {
      EXPECT_NE(each.status, 0);
      EXPECT_LT(each.seconds, 6) << each.text;  // with the one that is stopped
    }
  });
}

}  // namespace
}  // namespace sinter::runtime
