#include "runtime/disk_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <vector>

#include "runtime/file.h"

namespace sinter::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".entry";
constexpr auto kAbandoned =
    std::chrono::hours(1);  // the age at which a temporary file has no writer any more

// An entry is this, the key, the bytes.
struct CacheHeader {
  std::array<char, 8> magic{'s', 'i', 'n', 't', 'e', 'r', 'c', '1'};
  uint64_t key_size = 0;
  uint64_t size = 0;
  uint64_t checksum = 0;  // of the key and the bytes
};

struct CacheEntry {
  fs::path path;
  fs::file_time_type used;
  int64_t bytes;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string user_cache_folder() {
  if (environment("SINTER_CACHE") == "off") return "";
  if (const std::string folder = environment("SINTER_CACHE_DIR"); !folder.empty()) return folder;
  // The XDG base directory specification: relative paths are to be ignored.
  if (const fs::path folder = environment("XDG_CACHE_HOME"); folder.is_absolute()) return folder / "sinter";
  if (const fs::path home = environment("HOME"); home.is_absolute()) return home / ".cache" / "sinter";
  return "";
}

// The first entry that is written counts what earlier processes have left.
DiskCache::DiskCache(std::string folder, int64_t max_bytes)
    : folder_(std::move(folder)), max_bytes_(max_bytes), unchecked_bytes_(max_bytes) {}

std::string DiskCache::path_of(std::string_view key) const {
  return fs::path(folder_) / fmt::format("{:016x}{}", checksum(key), kSuffix);
}

std::optional<std::string> DiskCache::get(std::string_view key) const {
  if (folder_.empty()) return {};
  try {
    const std::string path = path_of(key);
    std::error_code missing;
    if (!fs::is_regular_file(path, missing)) return {};
    std::string bytes = read_file(path);
    CacheHeader header;
    const CacheHeader expected;
    if (bytes.size() < sizeof header) return {};
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::string_view content = std::string_view(bytes).substr(sizeof header);
    if (header.magic != expected.magic || header.key_size != key.size() || !content.starts_with(key) ||
        header.size != content.size() - key.size() || header.checksum != checksum(content)) {
      return {};
    }
    std::error_code read_only;
    fs::last_write_time(path, fs::file_time_type::clock::now(), read_only);
    bytes.erase(0, sizeof header + key.size());
    return bytes;
  } catch (const std::exception&) {
    return {};
  }
}

void DiskCache::put(std::string_view key, std::string_view bytes) {
  if (folder_.empty()) return;
  try {
    if (!fs::exists(folder_)) {
      fs::create_directories(folder_);
      fs::permissions(folder_, fs::perms::owner_all);
    }
    CacheHeader header;
    header.key_size = key.size();
    header.size = bytes.size();
    header.checksum = checksum(bytes, checksum(key));
    std::array<char, sizeof header> head;
    std::memcpy(head.data(), &header, sizeof header);
    const std::array<std::string_view, 3> parts = {std::string_view(head.data(), head.size()), key, bytes};
    write_file_unflushed(path_of(key), parts);
    note_written(static_cast<int64_t>(sizeof header + key.size() + bytes.size()));
  } catch (const std::exception&) {
    // A folder that cannot be written to, a full disk: not kept.
  }
}

// Counting the files takes a look at each, so a sixteenth of the room is left free to be filled uncounted.
void DiskCache::note_written(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  unchecked_bytes_ += bytes;
  if (unchecked_bytes_ <= max_bytes_ / 16) return;
  drop_unused();
  unchecked_bytes_ = 0;
}

void DiskCache::drop_unused() const {
  std::vector<CacheEntry> entries;
  int64_t total = 0;
  std::error_code ignored;  // other processes drop files too
  for (fs::directory_iterator file(folder_, ignored), end; file != end; file.increment(ignored)) {
    std::error_code gone;
    CacheEntry entry{file->path(), file->last_write_time(gone), static_cast<int64_t>(file->file_size(gone))};
    if (gone) continue;
    if (entry.path.extension() == kSuffix) {
      total += entry.bytes;
      entries.push_back(std::move(entry));
    } else if (entry.path.extension() == ".tmp" &&
               fs::file_time_type::clock::now() - entry.used > kAbandoned) {
      fs::remove(entry.path, ignored);
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const CacheEntry& a, const CacheEntry& b) { return a.used < b.used; });
  for (const CacheEntry& entry : entries) {
    if (total <= max_bytes_ - max_bytes_ / 16) break;
    fs::remove(entry.path, ignored);
    total -= entry.bytes;
  }
}

}  // namespace sinter::runtime
