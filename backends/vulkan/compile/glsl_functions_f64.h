#pragma once

#include <map>
#include <string>

#include "backends/vulkan/compile/glsl_helpers.h"

namespace sinter::vulkan {

// Elementary functions of f64, of which GLSL has none, by the names of their ScalarOps with "_f64" behind;
// and what they need. By arithmetic of f64 and integers of 32 bits alone.
std::map<std::string, Helper> functions_f64(bool for_processor);

}  // namespace sinter::vulkan
