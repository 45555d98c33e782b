// Trainers that are killed at any moment and started again: they end with the bytes of one never killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/runtime/scratch_folder.h"
#include "tests/training/trainer.h"

namespace sinter {
namespace {

constexpr uint32_t kKilledSteps = 60;

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

// Trains from the last checkpoint on, and saves after every other step. What is killed is this one, in a
// process of its own.
TEST(KilledTrainer, Trains) {
  const ScratchFolder scratch;
  const std::string folder = variable("SINTER_KILLED_FOLDER", scratch.path("run"));
  Trainer trainer(variable("SINTER_KILLED_DEVICE", "reference"), 2);
  Checkpoints checkpoints(folder, {.keep = 2});
  if (const auto latest = checkpoints.load_latest(trainer.program))
    trainer.batches.seek(latest->notes.position);
  while (trainer.program.step() < kKilledSteps) {
    trainer.train();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    if (trainer.program.step() % 2 == 0)
      checkpoints.save(trainer.program, {.position = trainer.batches.position()});
  }
  checkpoints.wait();
  trainer.program.save(folder + "/end");
}

class KilledRun {
 public:
  KilledRun(const std::string& folder, const std::string& device) {
    std::vector<std::string> settings = {"SINTER_KILLED_FOLDER=" + folder, "SINTER_KILLED_DEVICE=" + device};
    std::vector<char*> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      // The part of the tests that this process runs, and the file that it writes, are its own.
      if (!std::string_view(*entry).starts_with("GTEST_")) environment.push_back(*entry);
    }
    for (std::string& setting : settings) environment.push_back(setting.data());
    environment.push_back(nullptr);
    std::vector<std::string> words = {"trainer", "--gtest_filter=KilledTrainer.*", "--gtest_brief=1"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    EXPECT_EQ(
        posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
  }

  // Whether it had ended before.
  bool kill_after(std::chrono::microseconds time) {
    std::this_thread::sleep_for(time);
    ::kill(process_, SIGKILL);
    return wait() == 0;
  }
  int wait() {
    int status = -1;
    ::waitpid(process_, &status, 0);
    return status;
  }

 private:
  pid_t process_ = 0;
};

void expect_the_bytes_of_one_never_killed(const std::string& device) {
  const int kills = std::stoi(variable("SINTER_KILLS", "10"));
  const ScratchFolder folder;
  const auto folder_of = [&](const std::string& name) {
    std::filesystem::create_directory(folder.path(name));
    return folder.path(name);
  };
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(KilledRun(folder_of("whole"), device).wait(), 0);
  const auto whole =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  const std::string expected = runtime::read_file(folder.path("whole/end"));

  // Until each of them is killed; one that ends before is another run.
  std::mt19937 random(1);
  std::string killed = folder_of("run0");
  int runs = 0;
  for (int i = 0; i < kills; ++i) {
    const auto time =
        std::chrono::microseconds(std::uniform_int_distribution<int64_t>(0, whole.count())(random));
    if (!KilledRun(killed, device).kill_after(time)) continue;
    EXPECT_EQ(runtime::read_file(killed + "/end"), expected);
    killed = folder_of("run" + std::to_string(++runs));
  }
  ASSERT_EQ(KilledRun(killed, device).wait(), 0);
  EXPECT_EQ(runtime::read_file(killed + "/end"), expected);
}

TEST(Kill, EndsAsOneNeverKilledOnTheCpu) {
  expect_the_bytes_of_one_never_killed("cpu");
}
TEST(Kill, EndsAsOneNeverKilledOnVulkan) {
  expect_the_bytes_of_one_never_killed("vulkan");
}

}  // namespace
}  // namespace sinter
