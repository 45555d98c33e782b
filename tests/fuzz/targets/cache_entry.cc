#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "backends/cpu/compile/image_bytes.h"
#include "backends/vulkan/player/image_bytes.h"
#include "runtime/disk_cache.h"
#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {
namespace {

constexpr const char* kKey = "key";

// A cache whose one entry is a file in memory.
class OneEntry {
 public:
  OneEntry() : folder_(made_folder()), cache_(folder_) {
    cache_.put(kKey, "bytes");
    const auto entry = std::filesystem::directory_iterator(folder_)->path();
    std::filesystem::remove(entry);
    std::filesystem::create_symlink(file_.path(), entry);
  }
  ~OneEntry() { std::filesystem::remove_all(folder_); }

  std::optional<std::string> get(std::string_view bytes) {
    file_.put(bytes);
    return cache_.get(kKey);
  }

 private:
  static std::string made_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sinter-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    return pattern;
  }

  MemoryFile file_;
  std::string folder_;
  runtime::DiskCache cache_;
};

// What one backend makes of the bytes.
template <typename FromBytes>
void image(std::string_view bytes, FromBytes from_bytes) {
  const auto read = from_bytes(bytes);
  if (!read) return;
  const std::string written = to_bytes(*read);
  const auto again = from_bytes(written);
  if (!again || to_bytes(*again) != written) throw std::logic_error("an image that reads back as another");
}

}  // namespace

// The bytes as a file of the cache, and as what such a file holds: a checksum keeps the first from most of
// what is damaged.
void cache_entry(std::string_view bytes) {
  static OneEntry entry;
  if (const auto found = entry.get(bytes)) {
    if (found->size() > bytes.size()) throw std::logic_error("an entry of more than its file");
  }
  image(bytes, cpu::from_bytes);
  image(bytes, vulkan::from_bytes);
}

}  // namespace sinter::fuzz
