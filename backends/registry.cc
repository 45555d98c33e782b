#include "backends/backend.h"
#include "backends/cpu/cpu.h"
#include "backends/reference/reference.h"
#include "backends/vulkan/vulkan.h"

namespace sinter::backends {

std::span<const Backend* const> all_backends() {
  static const Backend* const backends[] = {
      &reference::backend(),
      &cpu::backend(),
      &vulkan::backend(),
  };
  return backends;
}

}  // namespace sinter::backends
