#include "runtime/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace sinter::runtime {
namespace {

TEST(File, ReadsBackWhatWasWritten) {
  const ScratchFolder folder;
  const std::string bytes("a\0b\n\xff", 5);
  write_file_atomically(folder.path("file"), bytes);
  EXPECT_EQ(read_file(folder.path("file")), bytes);
  write_file_atomically(folder.path("file"), "");
  EXPECT_EQ(read_file(folder.path("file")), "");
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(File, JoinsParts) {
  const ScratchFolder folder;
  write_file_atomically(folder.path("file"), std::array<std::string_view, 3>{"one ", "", "two"});
  EXPECT_EQ(read_file(folder.path("file")), "one two");
}

TEST(File, ReadsAFileThatDoesNotKnowItsSize) {
  EXPECT_FALSE(read_file("/proc/self/status").empty());
}

TEST(File, KeepsThePermissionsOfTheFileItReplaces) {
  const ScratchFolder folder;
  folder.write("file", "old");
  ASSERT_EQ(::chmod(folder.path("file").c_str(), 0640), 0);
  folder.write("file", "new");
  struct stat status;
  ASSERT_EQ(::stat(folder.path("file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST(File, FollowsASymbolicLink) {
  const ScratchFolder folder;
  folder.write("target", "old");
  std::filesystem::create_symlink("target", folder.path("link"));
  folder.write("link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link")));
  EXPECT_EQ(read_file(folder.path("target")), "new");
}

TEST(File, WritesADeviceInPlace) {
  write_file_atomically("/dev/null", "text");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(File, SaysWhyItCannotRead) {
  const ScratchFolder folder;
  const std::string missing = folder.path("missing");
  EXPECT_EQ(message_of([&] { read_file(missing); }),
            "cannot read " + missing + ": No such file or directory");
  EXPECT_EQ(message_of([&] { read_file(folder.path("")); }),
            "cannot read " + folder.path("") + ": Is a directory");
}

TEST(File, SaysWhyItCannotWriteAndLeavesNothing) {
  const ScratchFolder folder;
  const std::string inside_missing = folder.path("missing/file");
  EXPECT_EQ(message_of([&] { write_file_atomically(inside_missing, "x"); }),
            "cannot write " + inside_missing + ": No such file or directory");

  const std::string directory = folder.path("directory");
  std::filesystem::create_directory(directory);
  EXPECT_EQ(message_of([&] { write_file_atomically(directory, "x"); }),
            "cannot write " + directory + ": Is a directory");

  const std::string inside_file = folder.write("file", "x") + "/inside";
  EXPECT_EQ(message_of([&] { write_file_atomically(inside_file, "x"); }),
            "cannot write " + inside_file + ": Not a directory");
  EXPECT_EQ(message_of([&] { write_file_atomically("/dev/full", "x"); }),
            "cannot write /dev/full: No space left on device");
  EXPECT_EQ(folder.file_count(), 2u);
}

TEST(File, TellsBeforehandWhetherItCouldWrite) {
  const ScratchFolder folder;
  check_writable(folder.path("new"));
  check_writable("/dev/null");
  EXPECT_EQ(folder.file_count(), 0u);
  check_writable(folder.write("old", "kept"));
  EXPECT_EQ(read_file(folder.path("old")), "kept");

  const std::string inside_missing = folder.path("missing/file");
  EXPECT_EQ(message_of([&] { check_writable(inside_missing); }),
            "cannot write " + inside_missing + ": No such file or directory");
  EXPECT_EQ(message_of([&] { check_writable(folder.path("")); }),
            "cannot write " + folder.path("") + ": Is a directory");
  EXPECT_EQ(folder.file_count(), 1u);
}

}  // namespace
}  // namespace sinter::runtime
