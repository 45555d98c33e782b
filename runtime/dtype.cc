#include "runtime/dtype.h"

#include <array>

namespace sinter::runtime {
namespace {

struct Row {
  std::string_view name;
  size_t bytes;
};

constexpr std::array<Row, 7> kRows = {
    {{"f16", 2}, {"bf16", 2}, {"f32", 4}, {"f64", 8}, {"i32", 4}, {"i64", 8}, {"bool", 1}}};

}  // namespace

size_t size_in_bytes(DType type) {
  return kRows[static_cast<size_t>(type)].bytes;
}

std::string_view name(DType type) {
  return kRows[static_cast<size_t>(type)].name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace sinter::runtime
