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

std::string repeated(int count, const std::string& text);

// For a driver that computes on a processor they are without loops, which it counts among those of the
// kernel, and hide from it what it would simplify.
const std::map<std::string, Helper>& helpers(bool for_processor);

}  // namespace sinter::vulkan
