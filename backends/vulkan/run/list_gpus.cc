#include "backends/vulkan/run/list_gpus.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/vulkan/run/instance.h"

namespace sinter::vulkan {
namespace {

std::string kind_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "on the CPU";
    default:
      return "of some kind";
  }
}

uint64_t memory_of(VkPhysicalDevice device) {
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(device, &memory);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    const bool is_local = (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
    if (is_local) bytes = std::max<uint64_t>(bytes, memory.memoryHeaps[i].size);
  }
  return bytes;
}

std::string features_of(VkPhysicalDevice device, const VkPhysicalDeviceVulkan11Properties& vulkan11) {
  VkPhysicalDeviceVulkan12Features has12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 has{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  has.pNext = &has12;
  vkGetPhysicalDeviceFeatures2(device, &has);
  std::string text;
  const auto feature = [&](bool is, const char* name) {
    if (is) text += std::string(text.empty() ? "" : ", ") + name;
  };
  feature(has.features.shaderFloat64 == VK_TRUE, "f64");
  feature(has.features.shaderInt64 == VK_TRUE, "i64");
  feature(has12.storageBuffer8BitAccess == VK_TRUE && has12.shaderInt8 == VK_TRUE, "8-bit storage");
  feature((vulkan11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0,
          "subgroup arithmetic");
  return text.empty() ? "none" : text;
}

std::string describe(VkPhysicalDevice device, size_t index) {
  VkPhysicalDeviceVulkan12Properties vulkan12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan11Properties vulkan11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  all.pNext = &vulkan11;
  vulkan11.pNext = &vulkan12;
  vkGetPhysicalDeviceProperties2(device, &all);
  const VkPhysicalDeviceProperties& p = all.properties;
  const VkPhysicalDeviceLimits& limits = p.limits;
  const std::string head = fmt::format(
      "vulkan:{}  {} ({}), Vulkan {}.{}.{}, driver {} {}\n", index, p.deviceName, kind_of(p.deviceType),
      VK_API_VERSION_MAJOR(p.apiVersion), VK_API_VERSION_MINOR(p.apiVersion),
      VK_API_VERSION_PATCH(p.apiVersion), vulkan12.driverName, vulkan12.driverInfo);
  const std::string memory = fmt::format(
      "  memory {} MiB, {} MiB in one piece, {} MiB a tensor, {} tensors a kernel, offsets of {} bytes\n",
      memory_of(device) >> 20, vulkan11.maxMemoryAllocationSize >> 20, limits.maxStorageBufferRange >> 20,
      std::min(limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers),
      limits.minStorageBufferOffsetAlignment);
  const std::string groups = fmt::format(
      "  workgroups of {} in subgroups of {}, {} KiB shared, {} workgroups, {} bytes of push constants\n",
      limits.maxComputeWorkGroupInvocations, vulkan11.subgroupSize, limits.maxComputeSharedMemorySize >> 10,
      limits.maxComputeWorkGroupCount[0], limits.maxPushConstantsSize);
  return head + memory + groups + "  features: " + features_of(device, vulkan11);
}

}  // namespace

std::vector<std::string> list_gpus() {
  std::vector<std::string> texts;
  const VkInstance instance = shared_instance();  // finds the functions
  for (VkPhysicalDevice device : enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance)) {
    texts.push_back(describe(device, texts.size()));
  }
  return texts;
}

}  // namespace sinter::vulkan
