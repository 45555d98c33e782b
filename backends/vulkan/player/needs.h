#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "backends/vulkan/run/logical_device.h"

namespace sinter::vulkan {

// What a device must have to run what was compiled for another.
struct Needs {
  // 1, or 0 where it makes no difference. The last is besides that all subgroups are of one size.
  int64_t f64 = 0, i64 = 0, bytes = 0, nan = 0, denormals = 0, shuffle = 0, arithmetic = 0;
  int64_t subgroup_size = 0;  // 0: any

  // At least.
  int64_t invocations = 0, shared_bytes = 0, iterations = 0;
  int64_t groups = 0, more_groups = 0;  // along the first axis, the second
  int64_t buffers = 0, buffer_bytes = 0, texel_buffers = 0, texels = 0;

  int64_t alignment = INT64_MAX;  // at most
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Needs, f64, i64, bytes, nan, denormals, shuffle, arithmetic, subgroup_size,
                                   invocations, shared_bytes, iterations, groups, more_groups, buffers,
                                   buffer_bytes, texel_buffers, texels, alignment)

// The first that the device has not: "needs 64-bit integers", "needs workgroups of 1024 invocations, 256 at
// most"; "" where it has them all.
std::string lacking(const Needs& needs, const GpuAbilities& abilities);

}  // namespace sinter::vulkan
