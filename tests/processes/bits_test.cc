// Examples that several processes train come to the bytes of one process.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/file.h"
#include "tests/processes/launch.h"
#include "tests/runtime/scratch_folder.h"

namespace sinter {
namespace {

using test::Launcher;
using test::Outcome;
using testing::HasSubstr;

// Of each model; a multiple of 4.
int steps() {
  const char* given = std::getenv("SINTER_STEPS");
  return given == nullptr ? 8 : std::atoi(given);
}

// Sentences of up to seven of 40 words, whose class is that of the number that they end in: of 64 windows.
std::string sentences() {
  const char* kinds[] = {"NOUN", "VERB", "ADJ", "DET", "PUNCT"};
  std::string text;
  for (int i = 0; i < 64; ++i) {
    for (int word = 0; word < 3 + i % 5; ++word) {
      const int number = (i * 7 + word * 11) % 40;
      text += fmt::format("{}\tw{}\t_\t{}\t_\t_\t_\t_\t_\t_\n", word + 1, number, kinds[number % 5]);
    }
    text += "\n";
  }
  return text;
}

// Writes NAME and NAME.csv.
std::string attention_classifier(const std::string& name) {
  return fmt::format(
      "attention_classifier train --train text.conllu --dev text.conllu --epochs {} --batch 16 "
      "--micro-batches 4 --threads 1 --save {} --metrics {}.csv",
      steps() / 4, name, name);
}

// Writes the folder NAME and NAME.csv.
std::string char_model(const std::string& name) {
  return fmt::format(
      "char_model train --context 16 --layers 2 --heads 2 --width 16 --dropout 0.2 --batch 8 "
      "--micro-batches 4 --threads 1 --steps {} --every {} --save {} --metrics {}.csv",
      steps(), steps() / 2, name, name);
}

// How long an epoch took stands in the last column.
std::string without_seconds(const std::string& csv) {
  std::string text;
  for (size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1) {
    const std::string line = csv.substr(at, csv.find('\n', at) - at);
    text += line.substr(0, line.rfind(',')) + "\n";
  }
  return text;
}

std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files[entry.path().filename().string()] = runtime::read_file(entry.path().string());
  return files;
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Processes, TrainTheAttentionClassifierToTheBytesOfOne) {
  const ScratchFolder folder;
  folder.write("text.conllu", sentences());
  ASSERT_EQ(Launcher(folder.path("")).run(1, attention_classifier("alone")).status, 0);
  const auto file = [&](const std::string& name) { return runtime::read_file(folder.path(name)); };
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    for (int ranks = 1; ranks <= 4; ++ranks) {
      SCOPED_TRACE(fmt::format("{} of {}", ranks, mpi));
      const std::string name = fmt::format("{}{}", mpi, ranks);
      const Outcome outcome = Launcher(folder.path(""), mpi).run(ranks, attention_classifier(name));
      ASSERT_EQ(outcome.status, 0) << outcome.text;
      EXPECT_EQ(count_of(outcome.text, "epoch  1  loss "), 1) << outcome.text;
      EXPECT_EQ(count_of(outcome.text, "── loss (left)"), 1) << outcome.text;
      EXPECT_TRUE(file(name) == file("alone"));
      EXPECT_EQ(without_seconds(file(name + ".csv")), without_seconds(file("alone.csv")));
    }
  });
}

TEST(Processes, TrainACharacterModelToTheBytesOfOne) {
  const ScratchFolder folder;
  ASSERT_EQ(Launcher(folder.path("")).run(1, char_model("alone")).status, 0);
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    for (int ranks = 1; ranks <= 4; ++ranks) {
      SCOPED_TRACE(fmt::format("{} of {}", ranks, mpi));
      const std::string name = fmt::format("{}{}", mpi, ranks);
      const Outcome outcome = Launcher(folder.path(""), mpi).run(ranks, char_model(name));
      ASSERT_EQ(outcome.status, 0) << outcome.text;
      EXPECT_EQ(count_of(outcome.text, fmt::format("step {:>5}  loss ", steps())), 1) << outcome.text;
      EXPECT_TRUE(files_in(folder.path(name)) == files_in(folder.path("alone")));
      EXPECT_EQ(runtime::read_file(folder.path(name + ".csv")), runtime::read_file(folder.path("alone.csv")));
    }
  });
}

TEST(Processes, TrainOnVulkanToTheBytesOfOne) {
  const ScratchFolder folder;
  folder.write("text.conllu", sentences());
  const auto run = [&](const std::string& mpi, int ranks, const std::string& line) {
    const Outcome outcome = Launcher(folder.path(""), mpi).run(ranks, line + " --device vulkan");
    EXPECT_EQ(outcome.status, 0) << outcome.text;
  };
  run("", 1, attention_classifier("words"));
  run("", 1, char_model("characters"));
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    SCOPED_TRACE(mpi);
    run(mpi, 2, attention_classifier(mpi + "_words"));
    run(mpi, 2, char_model(mpi + "_characters"));
    EXPECT_TRUE(runtime::read_file(folder.path(mpi + "_words")) == runtime::read_file(folder.path("words")));
    EXPECT_TRUE(files_in(folder.path(mpi + "_characters")) == files_in(folder.path("characters")));
  });
}

TEST(Processes, ExplainWhatTheySend) {
  const ScratchFolder folder;
  folder.write("text.conllu", sentences());
  const std::string line = attention_classifier("model") + " --explain";
  EXPECT_EQ(count_of(Launcher(folder.path("")).run(1, line).text, "sends a call"), 0);
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    const std::string text = Launcher(folder.path(""), mpi).run(2, line).text;
    ASSERT_EQ(count_of(text, "sends a call"), 1);
    EXPECT_THAT(text.substr(text.find("rank 0 of 2"), 120),
                testing::ContainsRegex("^rank 0 of 2 sends a call: [0-9]+ messages, [0-9]+ bytes\n"
                                       "  all_reduce of [0-9]+ tensors?: [0-9]+ messages, [0-9]+ bytes\n"));
  });
}

TEST(Processes, LeaveWhatIsNoTrainingToTheFirst) {
  const ScratchFolder folder;
  ASSERT_EQ(Launcher(folder.path("")).run(1, char_model("model")).status, 0);
  test::with_each_mpi([&](const std::string& mpi, const std::string&) {
    const Launcher launcher(folder.path(""), mpi);
    EXPECT_EQ(
        count_of(launcher.run(2, "char_model generate --load model --prompt Shall --length 5").text, "Shall"),
        1);
    EXPECT_EQ(count_of(launcher.run(2, "char_model train --help").text, "--micro-batches"), 1);
  });
}

}  // namespace
}  // namespace sinter
