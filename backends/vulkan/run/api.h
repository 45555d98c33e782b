#pragma once

#include <vulkan/vulkan.h>

#include <string>
#include <string_view>

namespace sinter::vulkan {

// Throws RuntimeError that says what was tried and how it failed.
void check(VkResult result, std::string_view what);

std::string result_text(VkResult result);

}  // namespace sinter::vulkan
