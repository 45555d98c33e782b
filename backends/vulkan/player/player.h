#pragma once

#include <memory>
#include <string>

#include "backends/player.h"
#include "backends/vulkan/run/gpu.h"

namespace sinter::vulkan {

// NAME.sinter on the device that `selector` names as in GpuOptions, or on one that is open already.
std::unique_ptr<backends::Player> open_player(const std::string& path, const std::string& selector);
std::unique_ptr<backends::Player> open_player(const std::string& path, std::shared_ptr<Gpu> gpu);

}  // namespace sinter::vulkan
