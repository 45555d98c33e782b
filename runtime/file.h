#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sinter::runtime {

// A file to read parts of, open as long as it lives; for any number of threads at once.
class ReadableFile {
 public:
  explicit ReadableFile(const std::string& path);  // throws as read_file does
  ~ReadableFile();
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // when it was opened
  // Bytes `offset` to `offset + size` into `to`. Throws RuntimeError where the file has become shorter:
  // "PATH: it ends inside bytes 8 to 16".
  void read(uint64_t offset, size_t size, void* to) const;
  std::string read(uint64_t offset, size_t size) const;

 private:
  std::string path_;
  int descriptor_;
  uint64_t size_;
};

// The bytes of a file. Throws RuntimeError: "cannot read PATH: No such file or directory".
std::string read_file(const std::string& path);

// Writes to a temporary file beside `path`, flushes it to the disk and renames it: a reader sees the old
// file or the whole new one. A symbolic link is followed; a device or pipe is written in place. On failure
// the old file stands, nothing else is left, and RuntimeError says why:
// "cannot write PATH: No such file or directory".
void write_file_atomically(const std::string& path, std::string_view bytes);
// The parts one after the other, so that large ones need no joining in memory.
void write_file_atomically(const std::string& path, std::span<const std::string_view> parts);
// The same without waiting for the disk: where the machine stops, the file may be there with any contents.
void write_file_unflushed(const std::string& path, std::span<const std::string_view> parts);

// FNV-1a, of `bytes` behind those whose checksum is `before`.
uint64_t checksum(std::string_view bytes, uint64_t before = 0xcbf29ce484222325u);

// Throws what write_file_atomically would where the file cannot be made or replaced; leaves nothing behind.
void check_writable(const std::string& path);

// Throws RuntimeError where what was printed does not reach the standard output: a disk may be full.
void flush_output();

}  // namespace sinter::runtime
