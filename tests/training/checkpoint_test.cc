#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/frontend/evaluate.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"
#include "tests/training/trainer.h"

namespace sinter {
namespace {

using testing::ElementsAre;
using testing::Pair;

class CheckpointsOfARun : public testing::Test {
 protected:
  std::vector<uint32_t> steps(const Checkpoints& checkpoints) {
    std::vector<uint32_t> all;
    for (const Checkpoint& one : checkpoints.list()) all.push_back(one.step);
    return all;
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  ScratchFolder folder_;
  std::string path_ = folder_.path("run");
};

TEST_F(CheckpointsOfARun, GoOnBitForBit) {
  for (const std::string device : {"cpu", "vulkan", "reference"}) {
    Trainer whole(device), first(device), second(device);
    for (int i = 0; i < 17; ++i) whole.train();
    whole.program.save(folder_.path("whole"));
    Checkpoints checkpoints(folder_.path(device));
    for (int i = 0; i < 8; ++i) first.train();
    checkpoints.save(first.program, {.position = first.batches.position()});
    for (int i = 0; i < 4; ++i) first.train();  // while it is written

    const std::optional<Checkpoint> latest = checkpoints.load_latest(second.program);
    ASSERT_TRUE(latest);
    EXPECT_EQ(latest->step, 8u);
    EXPECT_EQ(latest->seed, 5u);
    second.batches.seek(latest->notes.position);
    for (int i = 0; i < 9; ++i) second.train();
    second.program.save(folder_.path("resumed"));
    EXPECT_EQ(runtime::read_file(folder_.path("whole")), runtime::read_file(folder_.path("resumed")))
        << device;
  }
}

TEST_F(CheckpointsOfARun, KeepTheNewestAndTheBest) {
  Trainer trainer("reference");
  Checkpoints checkpoints(path_, {.keep = 2});
  for (const double measure : {3., 1., 2., 1., 4., 2.5}) {
    trainer.train();
    checkpoints.save(trainer.program,
                     {.position = trainer.batches.position(),
                      .measure = measure,
                      .texts = {{"name", "of step " + std::to_string(trainer.program.step())}}});
  }
  checkpoints.wait();
  EXPECT_THAT(files(), ElementsAre("step-0000000002.safetensors", "step-0000000005.safetensors",
                                   "step-0000000006.safetensors"));
  EXPECT_THAT(steps(checkpoints), ElementsAre(2, 5, 6));
  const Checkpoint best = *checkpoints.load_best(trainer.program);
  EXPECT_EQ(best.path, path_ + "/step-0000000002.safetensors");
  EXPECT_EQ(best.notes.measure, 1.);
  EXPECT_EQ(best.notes.position, (BatchPosition{0, 2}));
  EXPECT_THAT(best.notes.texts, ElementsAre(Pair("name", "of step 2")));
  EXPECT_EQ(trainer.program.step(), 2u);
  EXPECT_EQ(Checkpoints(path_, {.highest_is_best = true}).load_best(trainer.program)->step, 5u);
  EXPECT_EQ(
      message_of([&] { Checkpoints(path_).save(trainer.program); }),
      path_ +
          "/step-0000000006.safetensors is of a later step than 5, which is to be saved: another folder is "
          "needed, or the file is not");
}

TEST_F(CheckpointsOfARun, AreNoneAtFirst) {
  Trainer trainer("reference");
  Checkpoints checkpoints(path_);
  EXPECT_FALSE(checkpoints.load_latest(trainer.program));
  checkpoints.save(trainer.program);
  EXPECT_FALSE(checkpoints.load_best(trainer.program));
  EXPECT_TRUE(checkpoints.load_latest(trainer.program));
}

TEST_F(CheckpointsOfARun, PassOverWhatWasNotWrittenToItsEnd) {
  Trainer trainer("reference");
  std::filesystem::create_directory(path_);
  std::ofstream(path_ + "/step-0000000007.safetensors.123-0.tmp") << "half of it";
  std::ofstream(path_ + "/notes.txt") << "mine";
  EXPECT_FALSE(Checkpoints(path_).load_latest(trainer.program));
  EXPECT_EQ(files().size(), 2u);
  Checkpoints checkpoints(path_);
  checkpoints.save(trainer.program);
  checkpoints.wait();
  EXPECT_THAT(files(), ElementsAre("notes.txt", "step-0000000000.safetensors"));
}

TEST_F(CheckpointsOfARun, TellOfAnErrorInTheNextCall) {
  Trainer trainer("reference");
  Checkpoints checkpoints(path_);
  checkpoints.save(trainer.program);
  checkpoints.wait();
  std::filesystem::remove_all(path_);
  const std::string expected =
      "cannot write " + path_ + "/step-0000000000.safetensors: No such file or directory";
  checkpoints.save(trainer.program);
  EXPECT_EQ(message_of([&] { checkpoints.wait(); }), expected);
  checkpoints.wait();
  checkpoints.save(trainer.program);
  EXPECT_EQ(message_of([&] { checkpoints.save(trainer.program); }), expected);
}

TEST_F(CheckpointsOfARun, SayWhatIsWrong) {
  Trainer trainer("reference");
  EXPECT_EQ(message_of([&] { Checkpoints(path_, {.keep = 0}); }),
            "Checkpoints: keep must be at least 1, got 0");
  const std::string file = folder_.write("file", "");
  EXPECT_EQ(message_of([&] { Checkpoints(file + "/run"); }),
            "cannot make the folder " + file + "/run: Not a directory");
  Checkpoints checkpoints(path_);
  trainer.program.snapshot().save(path_ + "/step-0000000003.safetensors", {{"data.batch", "two"}});
  EXPECT_EQ(message_of([&] { checkpoints.list(); }),
            path_ + "/step-0000000003.safetensors: its 'data.batch' is 'two'");
  EXPECT_EQ(message_of([&] {
              trainer.program.snapshot().save(path_ + "/x", {{"step", "1"}});
            }),
            "cannot write " + path_ + "/x: 'step' of the metadata is its own");
  std::filesystem::resize_file(path_ + "/step-0000000003.safetensors", 100);
  EXPECT_THAT(message_of([&] { checkpoints.load_latest(trainer.program); }),
              testing::StartsWith(path_ + "/step-0000000003.safetensors: damaged safetensors file: "));
}

}  // namespace
}  // namespace sinter
