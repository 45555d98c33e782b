#pragma once

#include <map>
#include <string>
#include <vector>

namespace sinter::vulkan {

// Functions that shaders call, where GLSL's own differ from docs/graph_ir.md or leave something open. None
// relies on the device to tell NaNs and infinities apart.
struct Helper {
  std::vector<std::string> needs;  // other helpers
  std::string text;
};

const std::map<std::string, Helper>& helpers();

}  // namespace sinter::vulkan
