#pragma once

#include <string>
#include <string_view>

#include "backends/vulkan/run/logical_device.h"

namespace sinter::vulkan {

// A GPU that need not be at hand, by what its driver tells of it: to see what it would run.
struct NamedGpu {
  std::string_view name;
  std::string description;
  GpuAbilities abilities;
};

// "h200", "rtx4070", "rx7900", "arc", or "least", which can do what every device can. Throws GraphError that
// lists the names on another.
NamedGpu named_gpu(std::string_view name);

}  // namespace sinter::vulkan
