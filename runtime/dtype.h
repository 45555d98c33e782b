#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sinter::runtime {

// Element types of tensors in memory. The rows and their order are those of ir/graph/types.def.
enum class DType : uint8_t { f16, bf16, f32, f64, i32, i64, boolean };

size_t size_in_bytes(DType type);
std::string_view name(DType type);  // "f32", ..., "bool"
std::optional<DType> dtype_from_name(std::string_view name);

}  // namespace sinter::runtime
