#include "runtime/disk_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/environment.h"

namespace sinter::runtime {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(folder)) files.push_back(file.path());
  return files;
}

int64_t bytes_in(const std::string& folder) {
  int64_t bytes = 0;
  for (const fs::path& file : files_in(folder)) bytes += static_cast<int64_t>(fs::file_size(file));
  return bytes;
}

void set_age(const fs::path& file, std::chrono::hours age) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - age);
}

TEST(DiskCache, KeepsBytesForTheNextProcess) {
  const ScratchFolder scratch;
  const std::string folder = scratch.path("made/when/needed");
  const std::string bytes("a\0b\n\xff", 5);
  DiskCache cache(folder);
  EXPECT_EQ(cache.get("key"), std::nullopt);
  EXPECT_FALSE(fs::exists(folder));
  cache.put("key", bytes);
  cache.put("empty", "");
  DiskCache next(folder);
  EXPECT_EQ(next.get("key"), bytes);
  EXPECT_EQ(next.get("empty"), "");
  EXPECT_EQ(next.get("other key"), std::nullopt);
  next.put("key", "newer");
  EXPECT_EQ(cache.get("key"), "newer");
  EXPECT_EQ(files_in(folder).size(), 2u);
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
}

TEST(DiskCache, IgnoresADamagedEntry) {
  const ScratchFolder folder;
  DiskCache cache(folder.path("cache"));
  cache.put("key", "bytes");
  const fs::path file = files_in(folder.path("cache")).at(0);
  const std::string whole = read_file(file);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] ^= 0x10;
    write_file_atomically(file, damaged);
    EXPECT_EQ(cache.get("key"), std::nullopt) << "byte " << i;
    write_file_atomically(file, whole.substr(0, i));
    EXPECT_EQ(cache.get("key"), std::nullopt) << "cut at " << i;
  }
  write_file_atomically(file, whole + "x");
  EXPECT_EQ(cache.get("key"), std::nullopt);
  cache.put("key", "again");
  EXPECT_EQ(cache.get("key"), "again");
}

TEST(DiskCache, IgnoresAnEntryThatBelongsToAnotherKey) {
  const ScratchFolder folder;
  DiskCache cache(folder.path("cache"));
  cache.put("key", "bytes");
  const fs::path file = files_in(folder.path("cache")).at(0);
  const std::string foreign = read_file(file);
  cache.put("yek", "other");
  for (const fs::path& each : files_in(folder.path("cache"))) write_file_atomically(each, foreign);
  EXPECT_EQ(cache.get("key"), "bytes");
  EXPECT_EQ(cache.get("yek"), std::nullopt);
}

TEST(DiskCache, DropsWhatWasUnusedLongest) {
  const ScratchFolder scratch;
  const std::string folder = scratch.path("cache");
  const std::string bytes(1000, 'x');
  DiskCache cache(folder, 16 * 1100);
  for (int i = 0; i < 12; ++i) cache.put(std::to_string(i), bytes);
  for (const fs::path& file : files_in(folder)) set_age(file, std::chrono::hours(48));
  EXPECT_EQ(cache.get("3"), bytes);  // and is used now
  for (int i = 100; i < 110; ++i) cache.put(std::to_string(i), bytes);
  EXPECT_LE(bytes_in(folder), 16 * 1100);
  EXPECT_GE(bytes_in(folder), 14 * 1000);
  EXPECT_EQ(cache.get("3"), bytes);
  for (int i = 100; i < 110; ++i) EXPECT_EQ(cache.get(std::to_string(i)), bytes);
}

TEST(DiskCache, CountsWhatEarlierProcessesHaveLeft) {
  const ScratchFolder scratch;
  const std::string folder = scratch.path("cache");
  const std::string bytes(1000, 'x');
  for (int i = 0; i < 20; ++i) DiskCache(folder, 5000).put(std::to_string(i), bytes);
  EXPECT_LE(bytes_in(folder), 5000);
  EXPECT_EQ(DiskCache(folder).get("19"), bytes);
}

TEST(DiskCache, RemovesWhatDeadWritersHaveLeftAndNothingElse) {
  const ScratchFolder scratch;
  const std::string folder = scratch.path("");
  scratch.write("old.tmp", "x");
  scratch.write("new.tmp", "x");
  scratch.write("old.txt", "x");
  set_age(scratch.path("old.tmp"), std::chrono::hours(2));
  set_age(scratch.path("old.txt"), std::chrono::hours(2));
  DiskCache(folder, 10).put("key", "bytes");
  EXPECT_FALSE(fs::exists(scratch.path("old.tmp")));
  EXPECT_TRUE(fs::exists(scratch.path("new.tmp")));
  EXPECT_TRUE(fs::exists(scratch.path("old.txt")));
}

TEST(DiskCache, DoesNotFailWhereNothingCanBeKept) {
  const ScratchFolder scratch;
  for (const std::string& folder :
       {std::string(), scratch.write("file", "x"), scratch.path("file/inside"), std::string("/proc/none")}) {
    DiskCache cache(folder);
    cache.put("key", "bytes");
    EXPECT_EQ(cache.get("key"), std::nullopt) << folder;
  }
  EXPECT_EQ(read_file(scratch.path("file")), "x");
}

// The entry's place is taken by a folder: its writer and its reader see it as they see any other error.
TEST(DiskCache, DoesNotFailWhereAnEntryCannotBeWritten) {
  const ScratchFolder scratch;
  DiskCache cache(scratch.path("cache"));
  cache.put("key", "bytes");
  const fs::path file = files_in(scratch.path("cache")).at(0);
  fs::remove(file);
  fs::create_directory(file);
  cache.put("key", "bytes");
  EXPECT_EQ(cache.get("key"), std::nullopt);
  EXPECT_EQ(files_in(scratch.path("cache")).size(), 1u);
}

// Writers of the same keys and of much more than there is room for: a reader finds all of an entry or none.
TEST(DiskCache, IsSharedByProcessesAndThreads) {
  const ScratchFolder scratch;
  const std::string folder = scratch.path("cache");
  const auto value = [](int key) {
    return std::string(static_cast<size_t>(500 + key), static_cast<char>('a' + key));
  };
  const auto use = [&] {
    DiskCache cache(folder, 8000);
    std::atomic<bool> good = true;
    const auto work = [&](int salt) {
      for (int i = 0; i < 200; ++i) {
        const int key = (i * 7 + salt) % 20;
        if (const auto found = cache.get(std::to_string(key)); found && *found != value(key)) good = false;
        cache.put(std::to_string(key), value(key));
      }
    };
    std::thread other(work, 3);
    work(0);
    other.join();
    return good.load();
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(use() ? 0 : 1);
    children.push_back(child);
  }
  EXPECT_TRUE(use());
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  for (const fs::path& file : files_in(folder)) EXPECT_EQ(file.extension(), ".entry");
  DiskCache(folder, 8000).put("last", "x");
  EXPECT_LE(bytes_in(folder), 8000);
}

TEST(DiskCache, LivesInTheFolderThatTheUserNames) {
  const Environment home("HOME", "/home/user");
  const Environment xdg("XDG_CACHE_HOME", nullptr), own("SINTER_CACHE_DIR", nullptr),
      off("SINTER_CACHE", nullptr);
  EXPECT_EQ(user_cache_folder(), "/home/user/.cache/sinter");
  {
    const Environment relative("XDG_CACHE_HOME", "relative");
    EXPECT_EQ(user_cache_folder(), "/home/user/.cache/sinter");
  }
  const Environment set_xdg("XDG_CACHE_HOME", "/caches");
  EXPECT_EQ(user_cache_folder(), "/caches/sinter");
  const Environment set_own("SINTER_CACHE_DIR", "/mine");
  EXPECT_EQ(user_cache_folder(), "/mine");
  const Environment set_off("SINTER_CACHE", "off");
  EXPECT_EQ(user_cache_folder(), "");
}

TEST(DiskCache, KeepsNothingWithoutAHome) {
  const Environment home("HOME", nullptr), xdg("XDG_CACHE_HOME", nullptr), own("SINTER_CACHE_DIR", nullptr),
      off("SINTER_CACHE", nullptr);
  EXPECT_EQ(user_cache_folder(), "");
}

}  // namespace
}  // namespace sinter::runtime
