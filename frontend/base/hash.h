#pragma once

#include <cstdint>
#include <string_view>

namespace sinter {

// FNV-1a, 32 bits: the random keys of names.
constexpr uint32_t fnv1a(std::string_view text) {
  uint32_t hash = 0x811c9dc5u;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193u;
  return hash;
}

}  // namespace sinter
