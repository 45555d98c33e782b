#pragma once

#include <cstdint>
#include <vector>

#include "backends/vulkan/player/needs.h"

namespace sinter::vulkan {

// Raises `needs` to what a shader says in SPIR-V that it takes: capabilities, the size of its workgroups and
// their shared memory. Its subgroups are of `subgroup_size`, if it uses them.
void add_needs(const std::vector<uint32_t>& spirv, int64_t subgroup_size, Needs& needs);

}  // namespace sinter::vulkan
