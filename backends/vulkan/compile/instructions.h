#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sinter::vulkan {

using Words = std::span<const uint32_t>;

// Calls `use` with the opcode and all words of each instruction of a shader in SPIR-V.
template <typename Use>
void each_instruction(Words spirv, Use use) {
  constexpr size_t kHeaderWords = 5;
  for (size_t at = kHeaderWords, count = 0; at < spirv.size(); at += count) {
    count = spirv[at] >> 16;
    use(spirv[at] & 0xffff, spirv.subspan(at, count));
  }
}

}  // namespace sinter::vulkan
