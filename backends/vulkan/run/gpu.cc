#include "backends/vulkan/run/gpu.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "backends/vulkan/run/instance.h"
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

VkPhysicalDeviceProperties properties_of(VkPhysicalDevice device) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(device, &properties);
  return properties;
}

// Whether all subgroups of a device have the same size, as far as it tells.
bool has_one_subgroup_size(VkPhysicalDevice device) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  const bool tells = std::any_of(extensions.begin(), extensions.end(), [](const auto& extension) {
    return std::string_view(extension.extensionName) == VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
  });
  if (!tells) return false;
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  all.pNext = &sizes;
  vkGetPhysicalDeviceProperties2(device, &all);
  return sizes.minSubgroupSize == sizes.maxSubgroupSize;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  (*static_cast<std::function<void(const std::string&)>*>(user))(data->pMessage);
  return VK_FALSE;
}

}  // namespace

Gpu::Gpu(const GpuOptions& options) : options_(options), cache_(options.cache_folder) {
  make_instance();
  try {
    choose(options.selector);
    look_at_device();
    make_device();
  } catch (...) {
    if (instance_ != VK_NULL_HANDLE) vkDestroyInstance(instance_, nullptr);
    throw;
  }
}

Gpu::~Gpu() {
  vkDestroyDevice(device_, nullptr);
  if (messenger_ != VK_NULL_HANDLE) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(instance_, messenger_, nullptr);
  }
  vkDestroyInstance(instance_, nullptr);
}

std::string Gpu::identity() const {
  return fmt::format("{:x}:{:x}:{:x}:{:02x}", properties_.vendorID, properties_.deviceID,
                     properties_.driverVersion, fmt::join(properties_.pipelineCacheUUID, ""));
}

void Gpu::make_instance() {
  const bool validate = static_cast<bool>(options_.on_message);
  const VkValidationFeatureEnableEXT synchronization =
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  features.enabledValidationFeatureCount = 1;
  features.pEnabledValidationFeatures = &synchronization;
  instance_ = create_instance(validate, &features);
  if (!validate) return;
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType =
      VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = &options_.on_message;
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
  check(create(instance_, &info, nullptr, &messenger_), "cannot listen to the validation layer");
}

void Gpu::choose(const std::string& selector) {
  auto devices = enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance_);
  if (devices.empty()) throw RuntimeError("vulkan: no Vulkan driver or no device is installed");
  std::string names;
  for (size_t i = 0; i < devices.size(); ++i) {
    names += fmt::format("{}{} ({})", i == 0 ? "" : ", ", i, properties_of(devices[i]).deviceName);
  }
  const bool is_number =
      !selector.empty() &&
      std::all_of(selector.begin(), selector.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (is_number) {
    if (selector.size() < 4 && std::stoul(selector) < devices.size())
      physical_ = devices[std::stoul(selector)];
  } else {
    for (VkPhysicalDevice device : devices) {
      const VkPhysicalDeviceProperties candidate = properties_of(device);
      if (lower(candidate.deviceName).find(lower(selector)) == std::string::npos) continue;
      if (physical_ == VK_NULL_HANDLE || rank(candidate) < rank(properties_of(physical_))) physical_ = device;
    }
  }
  if (physical_ == VK_NULL_HANDLE) {
    throw RuntimeError(fmt::format("vulkan: no device is '{}'; there is {}", selector, names));
  }
}

void Gpu::look_at_device() {
  VkPhysicalDeviceVulkan12Properties vulkan12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan11Properties vulkan11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  properties_ = properties_of(physical_);
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
  };
  if (options_.lessen) options_.lessen(abilities_);
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
  is_unified_ = !options_.stage && (properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
                                    properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU);
  const auto families =
      enumerate<VkQueueFamilyProperties>(vkGetPhysicalDeviceQueueFamilyProperties, physical_);
  const auto found = std::find_if(families.begin(), families.end(), [](const auto& family) {
    return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
  });
  if (found == families.end()) throw RuntimeError(fmt::format("vulkan: {} does not compute", name()));
  queue_family_ = static_cast<uint32_t>(found - families.begin());
  timestamp_bits_ = found->timestampValidBits;
}

void Gpu::make_device() {
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

uint32_t Gpu::memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags liked) const {
  for (const VkMemoryPropertyFlags flags : {wanted | liked, wanted}) {
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
      const bool is_allowed = (allowed >> i & 1) != 0;
      if (is_allowed && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
    }
  }
  throw RuntimeError(fmt::format("vulkan: {} has no memory of the kind needed", name()));
}

void Gpu::submit(VkCommandBuffer commands, VkFence fence) {
  if (is_lost()) {
    throw RuntimeError(fmt::format("vulkan: {} was lost before; compile the program anew", name()));
  }
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  const std::lock_guard<std::mutex> lock(queue_mutex_);
  watch(vkQueueSubmit(queue_, 1, &info, fence), "cannot submit");
  ++stats_.submits;
}

void Gpu::watch(VkResult result, std::string_view what) {
  if (result == VK_ERROR_DEVICE_LOST) is_lost_ = true;
  check(result, fmt::format("{}: {}", name(), what));
}

}  // namespace sinter::vulkan
