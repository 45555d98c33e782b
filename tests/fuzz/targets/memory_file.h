#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace sinter::fuzz {

// A file without a disk, for readers that take a path.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("fuzz", 0)) {
    if (descriptor_ < 0) throw std::runtime_error("no file in memory");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void put(std::string_view bytes) {
    if (ftruncate(descriptor_, 0) != 0) throw std::runtime_error("a file in memory cannot be emptied");
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), 0);
    if (written != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("a file in memory is too short");
  }

 private:
  int descriptor_;
};

}  // namespace sinter::fuzz
