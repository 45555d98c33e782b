#include "ir/graph/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace sinter::graph {
namespace {

enum class Kind { floating, integer, logical };

struct Row {
  std::string_view text;
  int64_t bytes;
  Kind kind;
};

constexpr std::array kRows = {
#define SINTER_DTYPE(enumerator, text, bytes, kind) Row{text, bytes, Kind::kind},
#include "ir/graph/types.def"
#undef SINTER_DTYPE
};

const Row& row(DType type) {
  return kRows[static_cast<size_t>(type)];
}

}  // namespace

std::string_view name(DType type) {
  return row(type).text;
}

std::optional<DType> dtype_from_name(std::string_view text) {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].text == text) return static_cast<DType>(i);
  }
  return std::nullopt;
}

int64_t size_in_bytes(DType type) {
  return row(type).bytes;
}
bool is_floating(DType type) {
  return row(type).kind == Kind::floating;
}
bool is_integer(DType type) {
  return row(type).kind == Kind::integer;
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

bool is_valid(const Shape& shape) {
  constexpr int64_t kMaxExtent = (int64_t{1} << 31) - 1;
  constexpr int64_t kMaxElements = int64_t{1} << 40;
  int64_t count = 1;  // as if extents of 0 were 1, so that their product overflows in no order
  for (int64_t extent : shape) {
    if (extent < 0 || extent > kMaxExtent) return false;
    const int64_t factor = std::max<int64_t>(extent, 1);
    if (count > kMaxElements / factor) return false;
    count *= factor;
  }
  return true;
}

std::string to_string(const TensorType& type) {
  return fmt::format("{}[{}]", name(type.dtype), fmt::join(type.shape, ","));
}

}  // namespace sinter::graph
