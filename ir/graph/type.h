#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::graph {

enum class DType : uint8_t {
#define SINTER_DTYPE(enumerator, text, bytes, kind) enumerator,
#include "ir/graph/types.def"
#undef SINTER_DTYPE
};

std::string_view name(DType type);
std::optional<DType> dtype_from_name(std::string_view text);
int64_t size_in_bytes(DType type);
bool is_floating(DType type);
bool is_integer(DType type);
inline bool is_numeric(DType type) {
  return type != DType::boolean;
}

using Shape = std::vector<int64_t>;

int64_t element_count(const Shape& shape);

// Whether a tensor may have this shape: no extent is negative, each is below 2^31 (positions are i32), and
// there are at most 2^40 elements.
bool is_valid(const Shape& shape);

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t elements() const { return element_count(shape); }
  int64_t bytes() const { return elements() * size_in_bytes(dtype); }
  bool operator==(const TensorType&) const = default;
};

std::string to_string(const TensorType& type);  // "f32[4,8]", "i32[]"

}  // namespace sinter::graph
