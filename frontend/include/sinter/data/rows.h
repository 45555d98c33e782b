#pragma once

#include <sinter/array.h>
#include <sinter/export.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

// What batches are made from: rows of arrays, and of files that are larger than memory.
namespace SINTER_EXPORT sinter {

// A sequence of rows of one type and shape, read where they lie when they are asked for. Copies share what
// they read from. Any number of threads may read at once.
class Rows {
 public:
  // Fills `to` with `count` rows from `first` on, which are there; any number of threads at once.
  using Read = std::function<void(int64_t first, int64_t count, std::span<std::byte> to)>;

  Rows(const Array& array);  // along its first axis; throws Error where it has none
  Rows(DType type, Shape shape, int64_t count, Read read);

  DType dtype() const { return content_->type; }
  const Shape& shape() const { return content_->shape; }  // of a row
  int64_t size() const { return content_->count; }        // rows
  size_t row_bytes() const { return content_->row_bytes; }

  // Both throw Error where there are no such rows, or the file cannot be read any more.
  void read(int64_t first, int64_t count, std::span<std::byte> to) const;
  Array read(int64_t first, int64_t count) const;  // [count,shape...]
  Array read() const { return read(0, size()); }   // all

 private:
  struct Content {
    DType type;
    Shape shape;
    int64_t count;
    size_t row_bytes;
    Read read;
  };
  std::shared_ptr<const Content> content_;
};

// Files that stay open as long as their rows are there. Of a file no more is in the process's memory than the
// rows that are read: the system keeps what was read lately, and gives that up where memory is short. Their
// elements become what load_npy and load_safetensors make of them. Throw Error, naming the file, where it is
// missing, damaged, too short or too long.

// Along the array's first axis. Throws Error for one in Fortran order, which load_npy reads.
Rows open_npy(const std::string& path);
Rows open_safetensors(const std::string& path, const std::string& tensor);
// The format of MNIST's images and labels: unsigned and signed bytes, 16 and 32 bit integers become i32.
Rows open_idx(const std::string& path);

enum class TokenType { u8, u16, u32 };
// A file of nothing but numbers of this type, little-endian, as i32: rows of shape []. u32 ends at 2^31 - 1.
Rows open_tokens(const std::string& path, TokenType type);

struct Windows {
  Rows inputs;
  Rows targets;
};
// Row i of the inputs is elements i * stride to i * stride + length - 1, of the targets those one further on:
// what a model of the next token reads, and should say. Elements that no whole window has are left out.
// Throws Error where there are not length + 1.
Windows windows(const Rows& elements, int64_t length, int64_t stride = 1);

struct Sequences {
  Rows values;   // as long as the longest, with zeros after the end
  Rows lengths;  // i32
};
// Sequences that lie one after the other: ends[i], i64, is where the i-th ends and the next begins. Throws
// Error where `ends` fall, or lie outside the elements.
Sequences sequences(const Rows& elements, const Array& ends);

}  // namespace sinter
