#pragma once

#include <string>
#include <vector>

namespace sinter::vulkan {

// Of each device: how to select it, name, driver, memory, limits, features, in a few lines. Throws
// RuntimeError where there is no loader or no driver.
std::vector<std::string> list_gpus();

}  // namespace sinter::vulkan
