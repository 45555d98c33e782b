// What goes wrong among processes ends them all, with one line of the first that is left.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "tests/processes/launch.h"
#include "tests/runtime/scratch_folder.h"

namespace sinter {
namespace {

using test::Launcher;
using test::Outcome;
using testing::ContainsRegex;

constexpr const char* kTrain =
    "char_model train --context 16 --layers 1 --heads 2 --width 16 --batch 12 --threads 1 --save run "
    "--steps 40 ";

// All that the processes themselves print on a line of its own.
std::string told(const Outcome& outcome) {
  std::string lines;
  for (size_t at = 0; at < outcome.text.size();) {
    const size_t end = std::min(outcome.text.find('\n', at), outcome.text.size());
    const std::string line = outcome.text.substr(at, end - at);
    if (line.starts_with("char_model: ") || line.starts_with("error: ")) lines += line + "\n";
    at = end + 1;
  }
  return lines;
}

class ProcessErrors : public testing::Test {
 protected:
  // With each MPI, whether so many processes, or two with other options each, end with the line, a
  // regular expression.
  void expect_failure(int ranks, const std::string& options, const std::string& line) const {
    test::with_each_mpi([&](const std::string& mpi, const std::string&) {
      expect_told(Launcher(folder_.path(""), mpi).run(ranks, kTrain + options), line);
    });
  }
  void expect_failure(const std::string& first, const std::string& second, const std::string& line) const {
    test::with_each_mpi([&](const std::string& mpi, const std::string&) {
      expect_told(Launcher(folder_.path(""), mpi).run_both(kTrain + first, kTrain + second), line);
    });
  }
  static void expect_told(const Outcome& outcome, const std::string& line) {
    EXPECT_NE(outcome.status, 0);
    EXPECT_THAT(told(outcome), ContainsRegex("^char_model: " + line + "\n$")) << outcome.text;
  }

  ScratchFolder folder_;
};

TEST_F(ProcessErrors, NeedAMicroBatchEach) {
  expect_failure(3, "--micro-batches 2",
                 "rank 0 ended: --micro-batches is 2, and 3 processes share them: it must be 3 or more");
  expect_failure(2, "",
                 "rank 0 ended: --micro-batches is 1, and 2 processes share them: it must be 2 or more");
}

TEST_F(ProcessErrors, NeedABatchThatTheMicroBatchesDivide) {
  expect_failure(2, "--micro-batches 5",
                 "rank 0 ended: --micro-batches is 5, which does not divide --batch, 12");
}

TEST_F(ProcessErrors, NameTheOneWithoutItsData) {
  const std::string text = "--micro-batches 2 --text ";
  folder_.write("text", std::string(2000, 'a') + std::string(2000, 'b'));
  expect_failure(text + "text", text + "none", "rank 1 ended: cannot read none: No such file or directory");
  expect_failure(text + "none", text + "text", "rank 0 ended: cannot read none: No such file or directory");
}

TEST_F(ProcessErrors, NameTheOneWithOtherData) {
  const std::string text = "--micro-batches 2 --text ";
  folder_.write("text", std::string(2000, 'a') + std::string(2000, 'b'));
  folder_.write("other", std::string(2000, 'b') + std::string(2000, 'a'));
  expect_failure(text + "text", text + "other", "rank 1 was given other data than rank 0");
}

TEST_F(ProcessErrors, NameTheOneWithAnotherProgram) {
  expect_failure("--micro-batches 2", "--micro-batches 2 --rate 0.5",
                 "rank [01] ended: compile: rank 1 has another function 'train' than rank 0");
  expect_failure("--micro-batches 2", "--micro-batches 2 --seed 5",
                 "rank [01] ended: compile: rank 1 has another seed than rank 0");
  expect_failure("--micro-batches 2", "--micro-batches 2 --every 10",
                 "rank 1 runs another program than rank 0");
  expect_failure("--micro-batches 2", "--micro-batches 2 --every x",
                 "rank 1 ended: --every: expected a whole number from 1 to 1048576, got 'x'");
}

// With a launcher of either MPI.
TEST_F(ProcessErrors, NeedMpiBuiltIn) {
  for (const auto& [mpi, launcher] : test::kLaunchers) {
    const std::string alone =
        fmt::format("timeout 60 {} -n 2 {}/char_model_alone train --steps 1", launcher, SINTER_BINARY_DIR);
    const Outcome outcome = test::Running(folder_.path(""), alone).wait();
    EXPECT_NE(outcome.status, 0);
    EXPECT_THAT(
        told(outcome),
        ContainsRegex(
            "^char_model: this process is one of (2|several) that mpirun has started, but works without "
            "MPI: install libopenmpi-dev or libmpich-dev, configure Sinter with SINTER_MPI, "
            "and link sinter::mpi\n"));
  }
}

}  // namespace
}  // namespace sinter
