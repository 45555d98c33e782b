#include "runtime/npy.h"

#include <fmt/format.h>

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
  DType type;
};
constexpr std::array<NpyType, 6> kNpyTypes = {{{"<f2", DType::f16},
                                               {"<f4", DType::f32},
                                               {"<f8", DType::f64},
                                               {"<i4", DType::i32},
                                               {"<i8", DType::i64},
                                               {"|b1", DType::boolean}}};

struct NpyHeader {
  DType type;
  bool fortran_order;
  Shape shape;
};

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

  NpyHeader parse() {
    std::optional<DType> type;
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
    return {*type, *fortran_order, *std::move(shape)};
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

  DType element_type() {
    skip_space();
    if (rest_.starts_with('['))
      throw RuntimeError(fmt::format("{}: structured arrays are not supported", path_));
    const std::string_view descr = quoted();
    for (const NpyType& row : kNpyTypes) {
      if (row.descr == descr) return row.type;
    }
    throw RuntimeError(fmt::format(
        "{}: element type '{}' is not supported, only <f2, <f4, <f8, <i4, <i8 and |b1", path_, descr));
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
std::optional<size_t> byte_count(DType type, const Shape& shape) {
  int64_t count = static_cast<int64_t>(size_in_bytes(type));
  for (int64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return static_cast<size_t>(count);
}

// Copies an array whose first axis runs fastest into one whose last axis does.
void copy_from_fortran_order(const char* from, HostTensor& to) {
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

HostTensor read_npy(const std::string& path) {
  const std::string file = read_file(path);
  const auto damaged = [&](std::string_view what) {
    return RuntimeError(fmt::format("{}: damaged .npy file: {}", path, what));
  };
  std::string_view rest = file;
  if (!rest.starts_with(kMagic)) throw RuntimeError(fmt::format("{}: not an .npy file", path));
  rest.remove_prefix(kMagic.size());

  if (rest.size() < 2) throw damaged("it ends inside the version");
  const int version = static_cast<unsigned char>(rest[0]);
  if (version < 1 || version > 3)
    throw RuntimeError(fmt::format("{}: .npy version {} is unknown", path, version));
  rest.remove_prefix(2);

  const size_t length_bytes = version == 1 ? 2 : 4;
  if (rest.size() < length_bytes) throw damaged("it ends inside the header's length");
  uint32_t length = 0;
  std::memcpy(&length, rest.data(), length_bytes);
  rest.remove_prefix(length_bytes);
  if (rest.size() < length) {
    throw damaged(fmt::format("the header should have {} bytes, {} follow", length, rest.size()));
  }
  const NpyHeader header = HeaderParser(path, rest.substr(0, length)).parse();
  rest.remove_prefix(length);

  const std::optional<size_t> size = byte_count(header.type, header.shape);
  if (!size) throw damaged(fmt::format("the shape {} is too large", tuple(header.shape)));
  if (rest.size() != *size) {
    throw damaged(fmt::format("{} needs {} bytes, {} follow", to_string(header.type, header.shape), *size,
                              rest.size()));
  }

  HostTensor tensor(header.type, header.shape);
  if (header.fortran_order) {
    copy_from_fortran_order(rest.data(), tensor);
  } else {
    std::memcpy(tensor.raw(), rest.data(), rest.size());
  }
  if (header.type == DType::boolean) {
    auto* bytes = static_cast<unsigned char*>(tensor.raw());
    for (size_t i = 0; i < *size; ++i) bytes[i] = bytes[i] != 0;
  }
  return tensor;
}

void write_npy(const std::string& path, const HostTensor& tensor) {
  if (!tensor.defined()) throw RuntimeError(fmt::format("cannot write {}: the tensor is undefined", path));
  std::string_view descr;
  for (const NpyType& row : kNpyTypes) {
    if (row.type == tensor.dtype()) descr = row.descr;
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
