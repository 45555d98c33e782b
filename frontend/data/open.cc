#include <fmt/format.h>
#include <sinter/data/rows.h>
#include <sinter/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "frontend/base/convert.h"
#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"

namespace sinter {
namespace {

using runtime::ReadableFile;
using runtime::Stored;
using File = std::shared_ptr<const ReadableFile>;

struct ArrayPlace {
  Stored type;
  Shape shape;
  uint64_t begin;
  bool is_big_endian = false;
};

void swap_bytes(std::span<std::byte> elements, size_t width) {
  for (size_t i = 0; i < elements.size(); i += width)
    std::reverse(elements.data() + i, elements.data() + i + width);
}

// The rows of an array in a file.
Rows rows_of(const File& file, ArrayPlace place) {
  if (place.shape.empty()) {
    throw Error(fmt::format("{}: {} has no rows", file->path(), to_string(place.type, place.shape)));
  }
  const int64_t count = place.shape[0];
  const Shape row(place.shape.begin() + 1, place.shape.end());
  const runtime::DType held = held_as(place.type), wide = runtime::widened(held);
  return {to_public(wide), row, count, [=](int64_t first, int64_t rows, std::span<std::byte> to) {
            const size_t elements = to.size() / size_in_bytes(wide);
            if (elements == 0) return;
            const size_t of_row = elements / static_cast<size_t>(rows);
            const uint64_t from =
                place.begin + static_cast<size_t>(first) * of_row * size_in_bytes(place.type);
            if (held == wide && !place.is_big_endian)
              return read_held(*file, from, place.type, elements, to.data());
            std::vector<std::byte> bytes(elements * size_in_bytes(place.type));
            file->read(from, bytes.size(), bytes.data());
            if (place.is_big_endian) swap_bytes(bytes, size_in_bytes(place.type));
            if (held == wide) return hold(place.type, bytes.data(), elements, to.data());
            widen(held, bytes.data(), elements, to.data());
          }};
}

// yann.lecun.com/exdb/mnist: two zeros, the type, the number of axes, their extents in four bytes each, and
// the elements, all big-endian.
ArrayPlace idx_place(const ReadableFile& file) {
  const auto fail = [&](std::string_view what) -> void {
    throw Error(fmt::format("{}: {}", file.path(), what));
  };
  constexpr size_t kStart = 4;
  std::array<uint8_t, kStart> start = {};
  if (file.size() >= kStart) file.read(0, kStart, start.data());
  static const std::vector<std::pair<uint8_t, Stored>> types = {{0x08, Stored::u8},  {0x09, Stored::i8},
                                                                {0x0b, Stored::i16}, {0x0c, Stored::i32},
                                                                {0x0d, Stored::f32}, {0x0e, Stored::f64}};
  const auto type =
      std::find_if(types.begin(), types.end(), [&](const auto& row) { return row.first == start[2]; });
  if (file.size() < kStart || start[0] != 0 || start[1] != 0 || type == types.end()) fail("not an IDX file");

  ArrayPlace place{type->second, {}, kStart + 4 * uint64_t{start[3]}, true};
  if (file.size() < place.begin) {
    fail(fmt::format("damaged IDX file: it ends inside the extents of its {} axes", start[3]));
  }
  uint64_t bytes = size_in_bytes(place.type);
  for (uint64_t axis = 0; axis < start[3]; ++axis) {
    std::array<std::byte, 4> extent;
    file.read(kStart + 4 * axis, extent.size(), extent.data());
    swap_bytes(extent, extent.size());
    uint32_t size = 0;
    std::memcpy(&size, extent.data(), sizeof(size));
    place.shape.push_back(size);
    if (__builtin_mul_overflow(bytes, size, &bytes)) fail("damaged IDX file: the shape is too large");
  }
  if (file.size() - place.begin != bytes) {
    fail(fmt::format("damaged IDX file: {} needs {} bytes, {} follow", to_string(place.type, place.shape),
                     bytes, file.size() - place.begin));
  }
  return place;
}

File opened(const std::string& path) {
  return std::make_shared<const ReadableFile>(path);
}

}  // namespace

Rows open_npy(const std::string& path) {
  return translated([&] {
    const File file = opened(path);
    const runtime::NpyLayout layout = npy_layout(*file);
    if (layout.fortran_order) {
      throw Error(fmt::format("{}: its array is in Fortran order, in which rows lie apart: load_npy", path));
    }
    return rows_of(file, {layout.type, layout.shape, layout.begin});
  });
}

Rows open_safetensors(const std::string& path, const std::string& tensor) {
  return translated([&] {
    const File file = opened(path);
    const runtime::SafetensorsLayout layout = safetensors_layout(*file);
    const auto found = layout.entries.find(tensor);
    if (found == layout.entries.end()) {
      std::vector<std::string> names;
      for (const auto& [name, entry] : layout.entries) names.push_back(name);
      throw Error(fmt::format("{}: no tensor is called '{}', only {}", path, tensor, quoted_list(names)));
    }
    return rows_of(file, {found->second.type, found->second.shape, found->second.begin});
  });
}

Rows open_idx(const std::string& path) {
  return translated([&] {
    const File file = opened(path);
    return rows_of(file, idx_place(*file));
  });
}

Rows open_tokens(const std::string& path, TokenType type) {
  return translated([&] {
    const Stored as = type == TokenType::u8 ? Stored::u8 : type == TokenType::u16 ? Stored::u16 : Stored::i32;
    const File file = opened(path);
    const uint64_t width = size_in_bytes(as), over = file->size() % width;
    if (over != 0) {
      throw Error(fmt::format("{}: the last of its tokens, at byte {}, has {} of {} bytes", path,
                              file->size() - over, over, width));
    }
    return rows_of(file, {as, {static_cast<int64_t>(file->size() / width)}, 0});
  });
}

}  // namespace sinter
