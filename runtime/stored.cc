#include "runtime/stored.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace sinter::runtime {
namespace {

struct StoredRow {
  std::string_view name;
  size_t bytes;
  DType held;
};
constexpr std::array<StoredRow, 12> kStored = {{{"f16", 2, DType::f16},
                                                {"bf16", 2, DType::bf16},
                                                {"f32", 4, DType::f32},
                                                {"f64", 8, DType::f64},
                                                {"i32", 4, DType::i32},
                                                {"i64", 8, DType::i64},
                                                {"bool", 1, DType::boolean},
                                                {"u8", 1, DType::i32},
                                                {"i8", 1, DType::i32},
                                                {"u16", 2, DType::i32},
                                                {"i16", 2, DType::i32},
                                                {"u32", 4, DType::i64}}};

const StoredRow& row_of(Stored type) {
  return kStored[static_cast<size_t>(type)];
}

template <typename From, typename To>
void convert(const void* from, size_t count, void* to) {
  const auto* bytes = static_cast<const std::byte*>(from);
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, bytes + i * sizeof(From), sizeof(From));
    static_cast<To*>(to)[i] = static_cast<To>(value);
  }
}

// IEEE 754 binary16: 5 bits of exponent, 10 of fraction.
float from_f16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = bits >> 10 & 0x1fu;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign == 0 ? magnitude : -magnitude;
  }
  const uint32_t wide = exponent == 0x1f ? 0xffu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

template <float (*kConvert)(uint16_t)>
void widen_halves(const void* from, size_t count, void* to) {
  std::transform(static_cast<const uint16_t*>(from), static_cast<const uint16_t*>(from) + count,
                 static_cast<float*>(to), kConvert);
}

}  // namespace

size_t size_in_bytes(Stored type) {
  return row_of(type).bytes;
}
std::string_view name(Stored type) {
  return row_of(type).name;
}
std::string to_string(Stored type, const Shape& shape) {
  return fmt::format("{}[{}]", name(type), fmt::join(shape, ","));
}
DType held_as(Stored type) {
  return row_of(type).held;
}

void hold(Stored type, const void* from, size_t count, void* to) {
  switch (type) {
    case Stored::u8:
      return convert<uint8_t, int32_t>(from, count, to);
    case Stored::i8:
      return convert<int8_t, int32_t>(from, count, to);
    case Stored::u16:
      return convert<uint16_t, int32_t>(from, count, to);
    case Stored::i16:
      return convert<int16_t, int32_t>(from, count, to);
    case Stored::u32:
      return convert<uint32_t, int64_t>(from, count, to);
    case Stored::boolean:
      std::transform(static_cast<const uint8_t*>(from), static_cast<const uint8_t*>(from) + count,
                     static_cast<uint8_t*>(to), [](uint8_t byte) { return static_cast<uint8_t>(byte != 0); });
      return;
    default:
      std::memmove(to, from, count * size_in_bytes(type));
  }
}

void read_held(const ReadableFile& file, uint64_t offset, Stored type, size_t count, void* to) {
  if (stored(held_as(type)) == type) {
    file.read(offset, count * size_in_bytes(type), to);
    if (type == Stored::boolean) hold(type, to, count, to);
    return;
  }
  constexpr size_t kChunk = size_t{1} << 16;  // elements
  std::vector<std::byte> bytes(std::min(count, kChunk) * size_in_bytes(type));
  for (size_t done = 0; done < count;) {
    const size_t now = std::min(count - done, kChunk);
    file.read(offset + done * size_in_bytes(type), now * size_in_bytes(type), bytes.data());
    hold(type, bytes.data(), now, static_cast<std::byte*>(to) + done * size_in_bytes(held_as(type)));
    done += now;
  }
}

DType widened(DType type) {
  return type == DType::f16 || type == DType::bf16 ? DType::f32 : type;
}

void widen(DType type, const void* from, size_t count, void* to) {
  if (type == DType::f16) return widen_halves<from_f16>(from, count, to);
  if (type == DType::bf16) return widen_halves<from_bf16>(from, count, to);
  std::memmove(to, from, count * size_in_bytes(type));
}

HostTensor widened(const HostTensor& tensor) {
  if (widened(tensor.dtype()) == tensor.dtype()) return tensor;
  HostTensor wide(widened(tensor.dtype()), tensor.shape());
  widen(tensor.dtype(), tensor.raw(), static_cast<size_t>(tensor.size()), wide.raw());
  return wide;
}

}  // namespace sinter::runtime
