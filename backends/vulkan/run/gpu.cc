#include "backends/vulkan/run/gpu.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

template <typename T, typename Function, typename... Args>
std::vector<T> enumerate(Function function, Args... args) {
  uint32_t count = 0;
  function(args..., &count, nullptr);
  std::vector<T> all(count);
  function(args..., &count, all.data());
  all.resize(count);
  return all;
}

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

VkPhysicalDeviceProperties properties_of(VkPhysicalDevice device) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(device, &properties);
  return properties;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  (*static_cast<std::function<void(const std::string&)>*>(user))(data->pMessage);
  return VK_FALSE;
}

VkInstance create_instance(bool validate, const void* next) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "sinter";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  const char* extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  if (validate) {
    info.pNext = next;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &extension;
  }
  VkInstance instance = VK_NULL_HANDLE;
  check(vkCreateInstance(&info, nullptr, &instance), "cannot start");
  return instance;
}

}  // namespace

bool has_validation_layer() {
  const auto layers = enumerate<VkLayerProperties>(vkEnumerateInstanceLayerProperties);
  return std::any_of(layers.begin(), layers.end(),
                     [](const auto& layer) { return std::strcmp(layer.layerName, kValidationLayer) == 0; });
}

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
  max_allocation_ = static_cast<int64_t>(
      std::min<uint64_t>(vulkan11.maxMemoryAllocationSize, static_cast<uint64_t>(INT64_MAX)));
  subgroup_size_ = vulkan11.subgroupSize;
  subgroup_arithmetic_ = (vulkan11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0;
  keeps_nan_ = vulkan12.shaderSignedZeroInfNanPreserveFloat32 == VK_TRUE;
  keeps_denormals_ = vulkan12.shaderDenormPreserveFloat32 == VK_TRUE;
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
}

void Gpu::make_device() {
  VkPhysicalDeviceVulkan12Features has12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 has{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  has.pNext = &has12;
  vkGetPhysicalDeviceFeatures2(physical_, &has);
  has_f64_ = has.features.shaderFloat64 == VK_TRUE;
  has_i64_ = has.features.shaderInt64 == VK_TRUE;
  has_bytes_ = has12.storageBuffer8BitAccess == VK_TRUE && has12.shaderInt8 == VK_TRUE;

  VkPhysicalDeviceVulkan12Features wanted12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  wanted12.storageBuffer8BitAccess = has_bytes_ ? VK_TRUE : VK_FALSE;
  wanted12.shaderInt8 = wanted12.storageBuffer8BitAccess;
  VkPhysicalDeviceFeatures2 wanted{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  wanted.pNext = &wanted12;
  wanted.features.shaderFloat64 = has.features.shaderFloat64;
  wanted.features.shaderInt64 = has.features.shaderInt64;

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
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  const std::lock_guard<std::mutex> lock(queue_mutex_);
  check(vkQueueSubmit(queue_, 1, &info, fence), "cannot submit");
  ++stats_.submits;
}

std::vector<std::string> list_gpus() {
  VkInstance instance = create_instance(false, nullptr);
  std::vector<std::string> lines;
  for (VkPhysicalDevice device : enumerate<VkPhysicalDevice>(vkEnumeratePhysicalDevices, instance)) {
    VkPhysicalDeviceVulkan12Features has12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceFeatures2 has{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    has.pNext = &has12;
    vkGetPhysicalDeviceFeatures2(device, &has);
    VkPhysicalDeviceVulkan12Properties vulkan12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceVulkan11Properties vulkan11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
    VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    all.pNext = &vulkan11;
    vulkan11.pNext = &vulkan12;
    vkGetPhysicalDeviceProperties2(device, &all);
    VkPhysicalDeviceMemoryProperties memory{};
    vkGetPhysicalDeviceMemoryProperties(device, &memory);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
      if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0) {
        bytes = std::max<uint64_t>(bytes, memory.memoryHeaps[i].size);
      }
    }
    const VkPhysicalDeviceProperties& p = all.properties;
    std::string features;
    const auto feature = [&](VkBool32 is, const char* text) {
      if (is == VK_TRUE) features += std::string(" ") + text;
    };
    feature(has.features.shaderFloat64, "f64");
    feature(has.features.shaderInt64, "i64");
    feature(has12.storageBuffer8BitAccess, "8-bit-storage");
    lines.push_back(fmt::format(
        "vulkan:{}  {}, {} {}, Vulkan {}.{}.{}, {} MiB, {} MiB a tensor, {} KiB shared, subgroups of {};{}",
        lines.size(), p.deviceName, vulkan12.driverName, vulkan12.driverInfo,
        VK_API_VERSION_MAJOR(p.apiVersion), VK_API_VERSION_MINOR(p.apiVersion),
        VK_API_VERSION_PATCH(p.apiVersion), bytes >> 20, p.limits.maxStorageBufferRange >> 20,
        p.limits.maxComputeSharedMemorySize >> 10, vulkan11.subgroupSize, features));
  }
  vkDestroyInstance(instance, nullptr);
  return lines;
}

}  // namespace sinter::vulkan
