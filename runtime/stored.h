#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/dtype.h"
#include "runtime/file.h"
#include "runtime/tensor.h"

namespace sinter::runtime {

// Element types in files, little-endian: those of tensors, in their order, and narrow integers.
enum class Stored : uint8_t { f16, bf16, f32, f64, i32, i64, boolean, u8, i8, u16, i16, u32 };

constexpr Stored stored(DType type) {
  return static_cast<Stored>(type);
}
size_t size_in_bytes(Stored type);
std::string_view name(Stored type);                      // "f32", "u8"
std::string to_string(Stored type, const Shape& shape);  // "u8[4,8]"

// The type of tensors that holds it: itself; i32 for u8, i8, u16, i16; i64 for u32.
DType held_as(Stored type);
// Elements as they lie in a file, as that type. A bool becomes 0 or 1.
void hold(Stored type, const void* from, size_t count, void* to);
// Those that lie at `offset` of the file.
void read_held(const ReadableFile& file, uint64_t offset, Stored type, size_t count, void* to);

// f32 for f16 and bf16, of which it holds every value; itself for others.
DType widened(DType type);
void widen(DType type, const void* from, size_t count, void* to);
HostTensor widened(const HostTensor& tensor);  // itself where nothing changes

}  // namespace sinter::runtime
