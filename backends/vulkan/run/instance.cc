#include "backends/vulkan/run/instance.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "runtime/error.h"

namespace sinter::vulkan {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  reinterpret_cast<Listener>(user)(data->pMessage);
  return VK_FALSE;
}

void listen(VkInstance instance, Listener listener) {
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType =
      VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = reinterpret_cast<void*>(listener);
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance, "vkCreateDebugUtilsMessengerEXT"));
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  check(create(instance, &info, nullptr, &messenger), "cannot listen to the validation layer");
}

VkInstance make_instance(Listener listener) {
  load_vulkan();
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "sinter";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  const char* extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  const VkValidationFeatureEnableEXT synchronization =
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  features.enabledValidationFeatureCount = 1;
  features.pEnabledValidationFeatures = &synchronization;
  if (listener != nullptr) {
    info.pNext = &features;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &extension;
  }
  VkInstance instance = VK_NULL_HANDLE;
  const VkResult made = vkCreateInstance(&info, nullptr, &instance);
  if (made == VK_ERROR_INCOMPATIBLE_DRIVER) {
    throw RuntimeError(
        "vulkan: no Vulkan driver is installed, or none can be loaded; VK_LOADER_DEBUG=all shows what was "
        "tried");
  }
  check(made, "cannot start");
  if (listener != nullptr) listen(instance, listener);
  return instance;
}

}  // namespace

bool has_validation_layer() {
  load_vulkan();
  const auto layers = enumerate<VkLayerProperties>(vkEnumerateInstanceLayerProperties);
  return std::any_of(layers.begin(), layers.end(),
                     [](const auto& layer) { return std::strcmp(layer.layerName, kValidationLayer) == 0; });
}

VkInstance shared_instance(Listener listener) {
  static std::mutex mutex;
  static std::map<Listener, VkInstance> instances;
  const std::lock_guard<std::mutex> lock(mutex);
  VkInstance& instance = instances[listener];
  if (instance == VK_NULL_HANDLE) instance = make_instance(listener);
  return instance;
}

}  // namespace sinter::vulkan
