#include "backends/vulkan/run/api.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <mutex>

#include "runtime/error.h"

namespace sinter::vulkan {

#define SINTER_VULKAN_FUNCTION(name) PFN_##name name = nullptr;
#include "backends/vulkan/run/functions.def"
#undef SINTER_VULKAN_FUNCTION

void load_vulkan() {
#ifdef __APPLE__
  constexpr const char* kLoader = "libvulkan.dylib";
#else
  constexpr const char* kLoader = "libvulkan.so.1";
#endif
  static std::once_flag loaded;
  std::call_once(loaded, [] { load_vulkan(kLoader); });
}

void load_vulkan(const char* library) {
  void* loader = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);  // for as long as the process lives
  if (loader == nullptr) {
    throw RuntimeError(fmt::format(
        "vulkan: no Vulkan loader is installed ({}); on Debian: apt install libvulkan1", ::dlerror()));
  }
  const auto find = [&](const char* name) {
    void* function = ::dlsym(loader, name);
    if (function == nullptr)
      throw RuntimeError(fmt::format("vulkan: {} is too old: it has no {}", library, name));
    return function;
  };
#define SINTER_VULKAN_FUNCTION(name) name = reinterpret_cast<PFN_##name>(find(#name));
#include "backends/vulkan/run/functions.def"
#undef SINTER_VULKAN_FUNCTION
}

std::string result_text(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case VK_ERROR_DEVICE_LOST:
      return "the device was lost: its driver reset it, or a kernel ran for too long";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "the driver failed to start";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "a layer is not installed";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "too many objects";
    default:
      return fmt::format("Vulkan error {}", static_cast<int>(result));
  }
}

void check(VkResult result, std::string_view what) {
  if (result == VK_SUCCESS) return;
  throw RuntimeError(fmt::format("vulkan: {}: {}", what, result_text(result)));
}

}  // namespace sinter::vulkan
