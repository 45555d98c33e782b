#pragma once

#include <memory>
#include <string>

#include "backends/player.h"

namespace sinter::backends {

// What Device::compile_library made, on a device: "vulkan", "vulkan:1". Throws RuntimeError where the file
// cannot be read, or the device is none that runs it.
std::unique_ptr<Player> open_player(const std::string& path, const std::string& device);

}  // namespace sinter::backends
