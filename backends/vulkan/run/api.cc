#include "backends/vulkan/run/api.h"

#include <fmt/format.h>

#include "runtime/error.h"

namespace sinter::vulkan {

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
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "no Vulkan driver is installed";
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
