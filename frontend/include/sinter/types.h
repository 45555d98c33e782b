#pragma once

#include <sinter/export.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace SINTER_EXPORT sinter {

// Element types.
enum class DType : uint8_t { f16, bf16, f32, f64, i32, i64, boolean };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType i32 = DType::i32;
inline constexpr DType i64 = DType::i64;
inline constexpr DType boolean = DType::boolean;

using Shape = std::vector<int64_t>;

std::string_view name(DType type);                      // "f32", "bool"
std::string to_string(DType type, const Shape& shape);  // "f32[4,8]", "i32[]"
int64_t element_count(const Shape& shape);              // 1 for a scalar

// The type of an input, output or state.
struct TensorInfo {
  std::string name;
  DType dtype = f32;
  Shape shape;
  bool trainable = false;  // of a state: it is a parameter
};

// The C++ types that hold elements in host memory.
template <typename T>
concept Element = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int32_t> ||
    std::same_as<T, int64_t> || std::same_as<T, bool>;

template <Element T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, float>) return f32;
  if constexpr (std::same_as<T, double>) return f64;
  if constexpr (std::same_as<T, int32_t>) return i32;
  if constexpr (std::same_as<T, int64_t>) return i64;
  return boolean;
}

}  // namespace sinter
