#include "backends/vulkan/run/logical_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include "runtime/error.h"

namespace sinter::vulkan {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Best first.
int rank(const VkPhysicalDeviceProperties& properties) {
  switch (properties.deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    default:
      return 3;
  }
}

// After as many iterations the driver leaves all loops of an invocation, those that it enters later after
// one.
constexpr int64_t kIterationsOfLavapipe = 65535;

constexpr uint32_t kIntel = 0x8086;

VkPhysicalDeviceProperties properties_of(VkPhysicalDevice device) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(device, &properties);
  return properties;
}

bool has_extension(VkPhysicalDevice device, std::string_view name) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const auto& extension) { return extension.extensionName == name; });
}

// What an extension says of the device.
template <typename Properties>
Properties properties_as(VkPhysicalDevice device, VkStructureType type) {
  Properties properties{type};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  all.pNext = &properties;
  vkGetPhysicalDeviceProperties2(device, &all);
  return properties;
}

// Whether all subgroups of a device have the same size, as far as it tells.
bool has_one_subgroup_size(VkPhysicalDevice device) {
  if (!has_extension(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) return false;
  const auto sizes = properties_as<VkPhysicalDeviceSubgroupSizeControlPropertiesEXT>(
      device, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT);
  return sizes.minSubgroupSize == sizes.maxSubgroupSize;
}

// Those that workgroups are spread over: NVIDIA's multiprocessors, AMD's compute units.
int64_t multiprocessors_of(VkPhysicalDevice device) {
  if (has_extension(device, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) {
    return properties_as<VkPhysicalDeviceShaderSMBuiltinsPropertiesNV>(
               device, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV)
        .shaderSMCount;
  }
  if (has_extension(device, VK_AMD_SHADER_CORE_PROPERTIES_2_EXTENSION_NAME)) {
    return properties_as<VkPhysicalDeviceShaderCoreProperties2AMD>(
               device, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_2_AMD)
        .activeComputeUnitCount;
  }
  return 0;
}

VkPhysicalDevice choose(VkInstance instance, const std::string& selector) {
  const auto devices = enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance);
  if (devices.empty()) throw RuntimeError("vulkan: no Vulkan driver or no device is installed");
  std::string names;
  for (size_t i = 0; i < devices.size(); ++i) {
    names += fmt::format("{}{} ({})", i == 0 ? "" : ", ", i, properties_of(devices[i]).deviceName);
  }
  const bool is_number =
      !selector.empty() &&
      std::all_of(selector.begin(), selector.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  VkPhysicalDevice best = VK_NULL_HANDLE;
  if (is_number) {
    if (selector.size() < 4 && std::stoul(selector) < devices.size()) best = devices[std::stoul(selector)];
  } else {
    for (VkPhysicalDevice device : devices) {
      const VkPhysicalDeviceProperties candidate = properties_of(device);
      if (lower(candidate.deviceName).find(lower(selector)) == std::string::npos) continue;
      if (best == VK_NULL_HANDLE || rank(candidate) < rank(properties_of(best))) best = device;
    }
  }
  if (best != VK_NULL_HANDLE) return best;
  throw RuntimeError(fmt::format("vulkan: no device is '{}'; there is {}", selector, names));
}

}  // namespace

// What is opened stays so when the process ends: drivers may be gone before the last static object.
std::shared_ptr<LogicalDevice> LogicalDevice::shared(const std::string& selector, Listener listener) {
  static std::mutex mutex;
  static auto& opened = *new std::map<VkPhysicalDevice, std::shared_ptr<LogicalDevice>>();
  const std::lock_guard<std::mutex> lock(mutex);
  VkPhysicalDevice physical = choose(shared_instance(listener), selector);
  std::shared_ptr<LogicalDevice>& device = opened[physical];
  if (!device || device->is_lost()) device = std::make_shared<LogicalDevice>(physical);
  return device;
}

LogicalDevice::LogicalDevice(VkPhysicalDevice physical)
    : physical_(physical), properties_(properties_of(physical)) {
  look();
  open();
}

LogicalDevice::~LogicalDevice() {
  vkDestroyDevice(device_, nullptr);
}

void LogicalDevice::look() {
  VkPhysicalDeviceVulkan12Properties vulkan12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan11Properties vulkan11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  if (properties_.apiVersion < VK_API_VERSION_1_2) {
    throw RuntimeError(fmt::format("vulkan: {} has Vulkan {}.{}, at least 1.2 is needed", name(),
                                   VK_API_VERSION_MAJOR(properties_.apiVersion),
                                   VK_API_VERSION_MINOR(properties_.apiVersion)));
  }
  all.pNext = &vulkan11;
  vulkan11.pNext = &vulkan12;
  vkGetPhysicalDeviceProperties2(physical_, &all);
  VkPhysicalDeviceVulkan12Features has12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 has{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  has.pNext = &has12;
  vkGetPhysicalDeviceFeatures2(physical_, &has);
  abilities_ = {
      .limits = properties_.limits,
      .max_allocation = static_cast<int64_t>(
          std::min<uint64_t>(vulkan11.maxMemoryAllocationSize, static_cast<uint64_t>(INT64_MAX))),
      .max_iterations = vulkan12.driverID == VK_DRIVER_ID_MESA_LLVMPIPE ? kIterationsOfLavapipe : INT64_MAX,
      .subgroup_size = vulkan11.subgroupSize,
      .subgroup_arithmetic =
          (vulkan11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0 &&
          has_one_subgroup_size(physical_),
      .subgroup_shuffle = (vulkan11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) != 0,
      .has_f64 = has.features.shaderFloat64 == VK_TRUE,
      .has_i64 = has.features.shaderInt64 == VK_TRUE,
      .has_bytes = has12.storageBuffer8BitAccess == VK_TRUE && has12.shaderInt8 == VK_TRUE,
      .keeps_nan = vulkan12.shaderSignedZeroInfNanPreserveFloat32 == VK_TRUE,
      .keeps_denormals = vulkan12.shaderDenormPreserveFloat32 == VK_TRUE,
      .is_processor = properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU,
      // GLSL leaves it open; hardware has one instruction, drivers on processors make two of it.
      .fuses_multiply_add = properties_.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU,
      .multiprocessors = multiprocessors_of(physical_),
      .local_bytes = properties_.vendorID == kIntel ? kLocalBytesOfIntel : GpuAbilities().local_bytes,
  };
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
  const auto families =
      enumerate<VkQueueFamilyProperties>(vkGetPhysicalDeviceQueueFamilyProperties, physical_);
  const auto found = std::find_if(families.begin(), families.end(), [](const auto& family) {
    return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
  });
  if (found == families.end()) throw RuntimeError(fmt::format("vulkan: {} does not compute", name()));
  queue_family_ = static_cast<uint32_t>(found - families.begin());
  timestamp_bits_ = found->timestampValidBits;
}

void LogicalDevice::open() {
  VkPhysicalDeviceVulkan12Features wanted12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  wanted12.storageBuffer8BitAccess = abilities_.has_bytes ? VK_TRUE : VK_FALSE;
  wanted12.shaderInt8 = wanted12.storageBuffer8BitAccess;
  VkPhysicalDeviceFeatures2 wanted{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  wanted.pNext = &wanted12;
  wanted.features.shaderFloat64 = abilities_.has_f64 ? VK_TRUE : VK_FALSE;
  wanted.features.shaderInt64 = abilities_.has_i64 ? VK_TRUE : VK_FALSE;

  const float priority = 1;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = queue_family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &wanted;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  check(vkCreateDevice(physical_, &info, nullptr, &device_), fmt::format("cannot open {}", name()));
  vkGetDeviceQueue(device_, queue_family_, 0, &queue_);
}

void LogicalDevice::submit(VkCommandBuffer commands, VkFence fence) {
  if (is_lost()) {
    throw RuntimeError(
        fmt::format("vulkan: {} was lost before, with all that lay there; compile the program anew", name()));
  }
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = commands != VK_NULL_HANDLE ? 1 : 0;
  info.pCommandBuffers = &commands;
  const std::lock_guard<std::mutex> lock(queue_mutex_);
  watch(vkQueueSubmit(queue_, 1, &info, fence), "cannot submit");
  ++stats_.submits;
}

void LogicalDevice::watch(VkResult result, std::string_view what) {
  if (result == VK_ERROR_DEVICE_LOST) is_lost_ = true;
  check(result, fmt::format("{}: {}", name(), what));
}

}  // namespace sinter::vulkan
