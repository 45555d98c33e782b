#include "runtime/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace sinter::runtime {
namespace {

[[noreturn]] void fail(std::string_view action, const std::string& path, int error) {
  throw RuntimeError(fmt::format("cannot {} {}: {}", action, path, std::generic_category().message(error)));
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (valid()) ::close(value_);
  }

  bool valid() const { return value_ >= 0; }
  int value() const { return value_; }
  // Some file systems report a failed write only here.
  bool close() { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool write_all(int descriptor, std::span<const std::string_view> parts) {
  for (std::string_view part : parts) {
    if (!write_all(descriptor, part)) return false;
  }
  return true;
}

void write_in_place(const std::string& path, std::span<const std::string_view> parts) {
  Descriptor file(path, O_WRONLY);
  if (!file.valid() || !write_all(file.value(), parts) || !file.close()) fail("write", path, errno);
}

// Makes the renaming itself durable; a file system that cannot do so has done all it can.
void flush_folder_of(const std::filesystem::path& path) {
  const Descriptor folder(path.has_parent_path() ? path.parent_path().string() : ".", O_RDONLY | O_DIRECTORY);
  if (folder.valid()) ::fsync(folder.value());
}

// What a path stands for.
struct Target {
  std::filesystem::path path;  // symbolic links followed
  bool exists;
  struct stat status;
};

Target find_target(const std::string& path) {
  std::error_code ignored;
  Target target{path, false, {}};
  if (std::filesystem::is_symlink(target.path, ignored)) {
    const std::filesystem::path resolved = std::filesystem::weakly_canonical(target.path, ignored);
    if (!ignored) target.path = resolved;
  }
  target.exists = ::stat(target.path.c_str(), &target.status) == 0;
  if (target.exists && S_ISDIR(target.status.st_mode)) fail("write", path, EISDIR);
  return target;
}

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter = 0;
  return fmt::format("{}.{}-{}.tmp", path, ::getpid(), counter++);
}

void replace_file(const std::string& path, std::span<const std::string_view> parts, bool flush) {
  const Target target = find_target(path);
  if (target.exists && !S_ISREG(target.status.st_mode)) return write_in_place(path, parts);

  const std::string temporary = temporary_name(target.path.string());
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.valid()) fail("write", path, errno);
  const bool keeps_mode = !target.exists || ::fchmod(file.value(), target.status.st_mode & 07777) == 0;
  if (!keeps_mode || !write_all(file.value(), parts) || (flush && ::fsync(file.value()) != 0) ||
      !file.close() || ::rename(temporary.c_str(), target.path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
  if (flush) flush_folder_of(target.path);
}

}  // namespace

ReadableFile::ReadableFile(const std::string& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status;
  if (descriptor_ < 0) fail("read", path, errno);
  const int error = ::fstat(descriptor_, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? EISDIR : 0;
  if (error != 0) {
    ::close(descriptor_);
    fail("read", path, error);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

ReadableFile::~ReadableFile() {
  ::close(descriptor_);
}

void ReadableFile::read(uint64_t offset, size_t size, void* to) const {
  for (size_t done = 0; done < size;) {
    const ssize_t count = ::pread(descriptor_, static_cast<std::byte*>(to) + done, size - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path_, errno);
    if (count == 0) {
      throw RuntimeError(fmt::format("{}: it ends inside bytes {} to {}", path_, offset, offset + size));
    }
    done += static_cast<size_t>(count);
  }
}

std::string ReadableFile::read(uint64_t offset, size_t size) const {
  std::string bytes(size, '\0');
  read(offset, size, bytes.data());
  return bytes;
}

std::string read_file(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  struct stat status;
  if (!file.valid() || ::fstat(file.value(), &status) != 0) fail("read", path, errno);
  constexpr size_t kChunk = size_t{1} << 16;
  // One byte more than expected, so that the end is found without growing.
  std::string bytes(static_cast<size_t>(status.st_size) + 1, '\0');
  size_t size = 0;
  while (true) {
    if (size == bytes.size()) bytes.resize(size + kChunk);
    const ssize_t count = ::read(file.value(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path, errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

void write_file_atomically(const std::string& path, std::span<const std::string_view> parts) {
  replace_file(path, parts, true);
}

void write_file_unflushed(const std::string& path, std::span<const std::string_view> parts) {
  replace_file(path, parts, false);
}

uint64_t checksum(std::string_view bytes, uint64_t before) {
  for (const char c : bytes) before = (before ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return before;
}

void check_writable(const std::string& path) {
  const Target target = find_target(path);
  if (target.exists && !S_ISREG(target.status.st_mode)) {
    if (::access(path.c_str(), W_OK) != 0) fail("write", path, errno);
    return;
  }
  const std::string temporary = temporary_name(target.path.string());
  const Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.valid()) fail("write", path, errno);
  ::unlink(temporary.c_str());
}

void flush_output() {
  errno = EIO;  // of a write that has failed before
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail("write", "to the standard output", errno);
}

}  // namespace sinter::runtime
