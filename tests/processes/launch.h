#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "tests/support/mpi.h"

namespace sinter::test {

// By MPI, what the names of the example programs end in.
inline const std::map<std::string, std::string> kSuffixes = {
#ifdef SINTER_SUFFIX_openmpi
    {"openmpi", SINTER_SUFFIX_openmpi},
#endif
#ifdef SINTER_SUFFIX_mpich
    {"mpich", SINTER_SUFFIX_mpich},
#endif
};

struct Outcome {
  std::string text;  // of all processes and of what started them
  int status = -1;
};

// A command of the shell while it runs. What it compiles it keeps in the folder, for the next.
class Running {
 public:
  Running(const std::string& folder, const std::string& command)
      : pipe_(popen(
            fmt::format("cd '{}' && export SINTER_CACHE=on SINTER_CACHE_DIR=$PWD/cache && {{ {}; }} 2>&1",
                        folder, command)
                .c_str(),
            "r")) {}

  // To its end.
  Outcome wait() {
    Outcome outcome;
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe_) != nullptr) outcome.text += buffer;
    outcome.status = pclose(pipe_);
    return outcome;
  }

 private:
  FILE* pipe_;
};

// Runs example programs in a folder.
class Launcher {
 public:
  // Without an MPI, processes that nobody has started together.
  explicit Launcher(std::string folder, const std::string& mpi = "")
      : folder_(std::move(folder)),
        launch_(mpi.empty() ? "" : kLaunchers.at(mpi)),
        suffix_(mpi.empty() ? "" : kSuffixes.at(mpi)) {}

  std::string program(const std::string& name) const {
    return fmt::format("{}/{}{}", SINTER_BINARY_DIR, name, suffix_);
  }
  // `line` begins with the program's name.
  Running start(int ranks, const std::string& line) const {
    if (launch_.empty()) return Running(folder_, "timeout 60 " + command(line));
    return Running(folder_, fmt::format("timeout 60 {} {}", launch_, some(ranks, line)));
  }
  Outcome run(int ranks, const std::string& line) const { return start(ranks, line).wait(); }
  // The first process gets `line`, a second one `other`.
  Outcome run_both(const std::string& line, const std::string& other) const {
    return Running(folder_, fmt::format("timeout 60 {} {} : {}", launch_, some(1, line), some(1, other)))
        .wait();
  }

 private:
  std::string command(const std::string& line) const {
    const size_t end = line.find(' ');
    return program(line.substr(0, end)) + line.substr(end);
  }
  std::string some(int ranks, const std::string& line) const {
    return fmt::format("-n {} {}", ranks, command(line));
  }

  std::string folder_, launch_, suffix_;
};

}  // namespace sinter::test
