#include "backends/vulkan/run/gpu.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/error.h"

namespace sinter::vulkan {

Gpu::Gpu(const GpuOptions& options)
    : logical_(LogicalDevice::shared(options.selector, options.on_message)),
      abilities_(logical_->abilities()),
      cache_(options.cache_folder) {
  const VkPhysicalDeviceType type = logical_->properties().deviceType;
  is_unified_ = !options.stage &&
                (type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU || type == VK_PHYSICAL_DEVICE_TYPE_CPU);
  if (options.lessen) options.lessen(abilities_);
}

std::string Gpu::identity() const {
  const VkPhysicalDeviceProperties& properties = logical_->properties();
  return fmt::format("{:x}:{:x}:{:x}:{:02x}", properties.vendorID, properties.deviceID,
                     properties.driverVersion, fmt::join(properties.pipelineCacheUUID, ""));
}

uint32_t Gpu::memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags liked) const {
  const VkPhysicalDeviceMemoryProperties& memory = logical_->memory();
  for (const VkMemoryPropertyFlags flags : {wanted | liked, wanted}) {
    for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
      const bool is_allowed = (allowed >> i & 1) != 0;
      if (is_allowed && (memory.memoryTypes[i].propertyFlags & flags) == flags) return i;
    }
  }
  throw RuntimeError(fmt::format("vulkan: {} has no memory of the kind needed", name()));
}

}  // namespace sinter::vulkan
