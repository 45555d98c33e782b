#include "backends/vulkan/named_gpus.h"

#include <fmt/format.h>

#include <array>

#include "ir/error.h"

namespace sinter::vulkan {
namespace {

// In the order of memory's limits: shared by a workgroup, of one buffer.
GpuAbilities with_limits(GpuAbilities abilities, uint32_t shared_kib, uint32_t workgroup, uint32_t buffers,
                         uint32_t buffer_bytes) {
  VkPhysicalDeviceLimits& limits = abilities.limits;
  limits.maxComputeSharedMemorySize = shared_kib << 10;
  limits.maxComputeWorkGroupInvocations = limits.maxComputeWorkGroupSize[0] = workgroup;
  limits.maxComputeWorkGroupCount[0] = limits.maxComputeWorkGroupCount[1] = 65535;
  limits.maxPerStageDescriptorStorageBuffers = limits.maxDescriptorSetStorageBuffers = buffers;
  limits.maxPerStageResources = buffers > 4 ? buffers : 128;
  limits.maxStorageBufferRange = buffer_bytes;
  limits.minStorageBufferOffsetAlignment = 16;
  abilities.max_allocation = INT64_MAX;
  return abilities;
}

GpuAbilities discrete() {
  return {.has_f64 = true,
          .has_i64 = true,
          .has_bytes = true,
          .keeps_nan = true,
          .keeps_denormals = true,
          .fuses_multiply_add = true};
}

std::array<NamedGpu, 5> all() {
  constexpr uint32_t kMany = 1 << 20;
  GpuAbilities hopper = discrete();
  hopper.subgroup_size = 32;
  hopper.subgroup_arithmetic = hopper.subgroup_shuffle = true;
  GpuAbilities ada = hopper, rdna = discrete(), alchemist = discrete(), least;
  hopper.multiprocessors = 132;
  ada.multiprocessors = 46;
  // Subgroups of 32 or of 64, and of 8 to 32: sums over them are not to be counted on.
  rdna.subgroup_size = 64;
  rdna.multiprocessors = 96;
  alchemist.subgroup_size = 32;
  alchemist.local_bytes = kLocalBytesOfIntel;
  alchemist.has_f64 = false;
  least.fuses_multiply_add = true;
  return {{
      {"h200", "NVIDIA H200", with_limits(hopper, 48, 1024, kMany, UINT32_MAX)},
      {"rtx4070", "NVIDIA RTX 4070", with_limits(ada, 48, 1024, kMany, UINT32_MAX)},
      {"rx7900", "AMD RX 7900 XTX", with_limits(rdna, 64, 1024, kMany, UINT32_MAX)},
      {"arc", "Intel Arc A770", with_limits(alchemist, 64, 1024, kMany, UINT32_MAX)},
      {"least", "what every device can do", with_limits(least, 16, 128, 4, 128 << 20)},
  }};
}

}  // namespace

NamedGpu named_gpu(std::string_view name) {
  std::string names;
  for (const NamedGpu& gpu : all()) {
    if (gpu.name == name) return gpu;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", gpu.name);
  }
  throw GraphError(
      fmt::format("vulkan: no target is called '{}': expected native or one of {}", name, names));
}

}  // namespace sinter::vulkan
