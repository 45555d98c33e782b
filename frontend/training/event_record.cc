#include "frontend/training/event_record.h"

#include <bit>

namespace sinter {
namespace {

// Fields of protocol buffers.
constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

std::string little_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xff);
  return text;
}

std::string varint(uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
  return text + static_cast<char>(value);
}

std::string head(int number, int kind) {
  return varint(static_cast<uint64_t>(number << 3 | kind));
}
std::string field(int number, std::string_view bytes) {
  return head(number, kBytes) + varint(bytes.size()) + std::string(bytes);
}

uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8;
}

std::string wall_time(double time) {
  return head(1, kFixed64) + little_endian(std::bit_cast<uint64_t>(time), 8);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

std::string framed(std::string_view bytes) {
  const std::string length = little_endian(bytes.size(), 8);
  return length + little_endian(masked(crc32c(length)), 4) + std::string(bytes) +
         little_endian(masked(crc32c(bytes)), 4);
}

std::string version_event(double time) {
  return wall_time(time) + field(3, "brain.Event:2");
}

std::string scalar_event(double time, int64_t step, std::string_view measure, float value) {
  const std::string scalar =
      field(1, measure) + head(2, kFixed32) + little_endian(std::bit_cast<uint32_t>(value), 4);
  return wall_time(time) + head(2, kVarint) + varint(static_cast<uint64_t>(step)) +
         field(5, field(1, scalar));
}

}  // namespace sinter
