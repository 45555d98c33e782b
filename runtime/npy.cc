#include "runtime/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie in the file");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kNpyAlignment = 64;  // of the data in the file

struct NpyType {
  std::string_view descr;
  Stored type;
};
constexpr std::array<NpyType, 11> kNpyTypes = {{{"<f2", Stored::f16},
                                                {"<f4", Stored::f32},
                                                {"<f8", Stored::f64},
                                                {"|i1", Stored::i8},
                                                {"<i2", Stored::i16},
                                                {"<i4", Stored::i32},
                                                {"<i8", Stored::i64},
                                                {"|u1", Stored::u8},
                                                {"<u2", Stored::u16},
                                                {"<u4", Stored::u32},
                                                {"|b1", Stored::boolean}}};

// A Python tuple: (), (3,), (3, 4).
std::string tuple(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

// Reads the header, a Python dictionary literal with exactly the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  HeaderParser(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  NpyLayout parse() {
    std::optional<Stored> type;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !type) {
        type = element_type();
      } else if (key == "fortran_order" && !fortran_order) {
        fortran_order = boolean();
      } else if (key == "shape" && !shape) {
        shape = extents();
      } else {
        fail(fmt::format("unexpected key '{}' in the header", key));
      }
      if (accept('}')) break;
      expect(',');
    }
    skip_space();
    if (!rest_.empty()) fail("text after the header's dictionary");
    if (!type) fail("the header has no 'descr'");
    if (!fortran_order) fail("the header has no 'fortran_order'");
    if (!shape) fail("the header has no 'shape'");
    return {*type, *std::move(shape), *fortran_order, 0};
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw RuntimeError(fmt::format("{}: damaged .npy file: {}", path_, what));
  }

  void skip_space() {
    const size_t start = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  }

  bool accept(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}' in the header at '{:.20}'", c, rest_));
  }

  std::string_view quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = rest_.find(quote);
    if (end == std::string_view::npos) fail("unfinished string in the header");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  Stored element_type() {
    skip_space();
    if (rest_.starts_with('['))
      throw RuntimeError(fmt::format("{}: structured arrays are not supported", path_));
    const std::string_view descr = quoted();
    for (const NpyType& row : kNpyTypes) {
      if (row.descr == descr) return row.type;
    }
    std::string known;
    for (const NpyType& row : kNpyTypes) known += fmt::format(" {}", row.descr);
    throw RuntimeError(fmt::format("{}: element type '{}' is none of{}", path_, descr, known));
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail("'fortran_order' is neither True nor False");
  }

  Shape extents() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      skip_space();
      int64_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc() || extent < 0) fail(fmt::format("bad extent in the shape at '{:.20}'", rest_));
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      shape.push_back(extent);
      if (accept(')')) break;
      expect(',');
    }
    return shape;
  }

  const std::string& path_;
  std::string_view rest_;
};

// Nothing where the count does not fit into 64 bits.
std::optional<size_t> byte_count(Stored type, const Shape& shape) {
  int64_t count = static_cast<int64_t>(size_in_bytes(type));
  for (int64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return static_cast<size_t>(count);
}

// Copies an array whose first axis runs fastest into one whose last axis does.
void copy_from_fortran_order(const std::byte* from, HostTensor& to) {
  const size_t width = size_in_bytes(to.dtype());
  const Shape& shape = to.shape();
  Shape index(shape.size(), 0);
  char* out = static_cast<char*>(to.raw());
  for (int64_t n = 0; n < to.size(); ++n, out += width) {
    int64_t offset = 0;
    for (size_t axis = shape.size(); axis-- > 0;) offset = offset * shape[axis] + index[axis];
    std::memcpy(out, from + static_cast<size_t>(offset) * width, width);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

NpyLayout npy_layout(const ReadableFile& file) {
  const std::string& path = file.path();
  const auto damaged = [&](std::string_view what) {
    return RuntimeError(fmt::format("{}: damaged .npy file: {}", path, what));
  };
  const size_t version_end = kMagic.size() + 2;
  const std::string start = file.read(0, std::min<uint64_t>(file.size(), version_end + 4));
  if (!start.starts_with(kMagic)) throw RuntimeError(fmt::format("{}: not an .npy file", path));
  if (start.size() < version_end) throw damaged("it ends inside the version");
  const int version = static_cast<unsigned char>(start[kMagic.size()]);
  if (version < 1 || version > 3)
    throw RuntimeError(fmt::format("{}: .npy version {} is unknown", path, version));

  const size_t length_bytes = version == 1 ? 2 : 4;
  if (start.size() < version_end + length_bytes) throw damaged("it ends inside the header's length");
  uint32_t length = 0;
  std::memcpy(&length, start.data() + version_end, length_bytes);
  const uint64_t header = version_end + length_bytes;
  if (file.size() - header < length) {
    throw damaged(fmt::format("the header should have {} bytes, {} follow", length, file.size() - header));
  }
  NpyLayout layout = HeaderParser(path, file.read(header, length)).parse();
  layout.begin = header + length;

  const std::optional<size_t> size = byte_count(layout.type, layout.shape);
  if (!size) throw damaged(fmt::format("the shape {} is too large", tuple(layout.shape)));
  if (file.size() - layout.begin != *size) {
    throw damaged(fmt::format("{} needs {} bytes, {} follow", to_string(layout.type, layout.shape), *size,
                              file.size() - layout.begin));
  }
  return layout;
}

HostTensor read_npy(const std::string& path) {
  const ReadableFile file(path);
  const NpyLayout layout = npy_layout(file);
  HostTensor tensor(held_as(layout.type), layout.shape);
  read_held(file, layout.begin, layout.type, static_cast<size_t>(tensor.size()), tensor.raw());
  if (!layout.fortran_order) return tensor;
  HostTensor in_order(tensor.dtype(), layout.shape);
  copy_from_fortran_order(static_cast<const std::byte*>(tensor.raw()), in_order);
  return in_order;
}

void write_npy(const std::string& path, const HostTensor& tensor) {
  if (!tensor.defined()) throw RuntimeError(fmt::format("cannot write {}: the tensor is undefined", path));
  std::string_view descr;
  for (const NpyType& row : kNpyTypes) {
    if (row.type == stored(tensor.dtype())) descr = row.descr;
  }
  if (descr.empty()) {
    throw RuntimeError(fmt::format("cannot write {}: NumPy has no type {}", path, name(tensor.dtype())));
  }

  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, tuple(tensor.shape()));
  // Version 1 counts the header's bytes in 16 bits, version 2 in 32.
  const size_t longest_prefix = kMagic.size() + 2 + 4;
  const bool short_header = header.size() + longest_prefix + kNpyAlignment <= 0xffff;
  const size_t length_bytes = short_header ? 2 : 4;
  const size_t prefix = kMagic.size() + 2 + length_bytes;
  header.append(kNpyAlignment - 1 - (prefix + header.size()) % kNpyAlignment, ' ');
  header += '\n';

  std::string start(kMagic);
  start += short_header ? '\1' : '\2';
  start += '\0';
  const auto length = static_cast<uint32_t>(header.size());
  start.append(reinterpret_cast<const char*>(&length), length_bytes);
  const std::array<std::string_view, 3> parts = {
      start, header, {static_cast<const char*>(tensor.raw()), tensor.bytes()}};
  write_file_atomically(path, parts);
}

}  // namespace sinter::runtime
