#pragma once

#include "backends/vulkan/run/logical_device.h"

namespace sinter::vulkan::test {

// Abilities of a GPU with memory and multiprocessors of its own: few of these, for large tiles at small
// sizes.
inline void discrete(GpuAbilities& abilities) {
  abilities.is_processor = false;
  abilities.multiprocessors = 4;
}

}  // namespace sinter::vulkan::test
