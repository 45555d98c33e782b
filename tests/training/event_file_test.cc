#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <cstring>
#include <filesystem>

#include "frontend/training/event_record.h"
#include "runtime/file.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"
#include "tests/training/trainer.h"

namespace sinter {
namespace {

using testing::HasSubstr;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    for (const int digit : {byte >> 4 & 15, byte & 15}) text += "0123456789abcdef"[digit];
  }
  return text;
}

// What TensorBoard's own protocol buffers and check sums give.
TEST(EventRecord, HasTheBytesOfTensorBoards) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(hex(framed(scalar_event(1.5, 300, "loss", 0.25f))),
            "1b000000000000001a0d9e1309000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e9908deed");
  EXPECT_EQ(hex(version_event(1.5)), "09000000000000f83f1a0d627261696e2e4576656e743a32");
}

// The tags and values of a file, once its check sums are right.
std::vector<std::string> events_of(const std::string& folder) {
  std::string bytes;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    bytes += runtime::read_file(file.path().string());
  std::vector<std::string> events;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    const std::string record = bytes.substr(at + 12, length);
    EXPECT_EQ(bytes.substr(at, length + 16), framed(record));
    events.push_back(record);
    at += length + 16;
  }
  return events;
}

TEST(EventFile, IsThereToBeReadAtOnce) {
  const ScratchFolder folder;
  const std::string runs = folder.path("runs/first");
  EventFile file(runs), other(runs);
  file.add("loss", 1, 2.5);
  const std::vector<std::string> events = events_of(runs);
  ASSERT_EQ(events.size(), 3u);  // each of both files begins with its version
  EXPECT_THAT(events, testing::Contains(HasSubstr("loss")));
  EXPECT_THAT(events, testing::Contains(HasSubstr("brain.Event:2")));
  runtime::write_file_atomically(folder.path("file"), "");
  EXPECT_THAT(message_of([&] { EventFile(folder.path("file")); }), HasSubstr(folder.path("file")));
}

TEST(EventFile, GetsWhatATrainingLoopMeasures) {
  const ScratchFolder folder;
  Trainer trainer("reference");
  EventFile events(folder.path("run"));
  train(trainer.program, trainer.batches,
        {.epochs = 1, .measure = [](const EpochReport&) { return 0.5; }, .events = &events});
  std::string all;
  for (const std::string& event : events_of(folder.path("run"))) all += event;
  EXPECT_THAT(all, HasSubstr("\x0a\x04loss"));
  EXPECT_THAT(all, HasSubstr("rows_per_second"));
  EXPECT_THAT(all, HasSubstr("measure"));
}

}  // namespace
}  // namespace sinter
