#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace sinter::runtime {

// The folder of this user's caches: $SINTER_CACHE_DIR, else $XDG_CACHE_HOME/sinter, else ~/.cache/sinter.
// Empty, which keeps nothing, where SINTER_CACHE is "off" or there is no home.
std::string user_cache_folder();

// What took time to make, kept in files from one process to the next. A key is any text that says all that
// the bytes depend on: what kind they are, the input, options, the versions of what made them. An entry
// whose key differs, or that is damaged, is as good as none. Neither reading nor writing ever fails: what
// cannot be kept is not. Threads and processes may use one folder at the same time.
class DiskCache {
 public:
  static constexpr int64_t kMaxBytes = int64_t{512} << 20;

  // Nothing is kept where `folder` is empty; it is made when first written to. Where files take more than
  // `max_bytes`, the longest unused are dropped.
  explicit DiskCache(std::string folder, int64_t max_bytes = kMaxBytes);

  std::optional<std::string> get(std::string_view key) const;
  void put(std::string_view key, std::string_view bytes);

 private:
  void note_written(int64_t bytes);
  void drop_unused() const;
  std::string path_of(std::string_view key) const;

  std::string folder_;
  int64_t max_bytes_;
  std::mutex mutex_;
  int64_t unchecked_bytes_;  // written since the files were last counted
};

}  // namespace sinter::runtime
