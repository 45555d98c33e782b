#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <string>
#include <string_view>

namespace sinter::vulkan {

// Vulkan's functions, null until load_vulkan has found the loader: a program that links Sinter runs where
// there is none. Tests put others in their place, to let drivers fail.
#define SINTER_VULKAN_FUNCTION(name) extern PFN_##name name;
#include "backends/vulkan/run/functions.def"
#undef SINTER_VULKAN_FUNCTION

// Throws RuntimeError where the loader is not there or lacks a function. Any thread may call it at any time.
void load_vulkan();
void load_vulkan(const char* library);

// Throws RuntimeError that says what was tried and how it failed.
void check(VkResult result, std::string_view what);

std::string result_text(VkResult result);

}  // namespace sinter::vulkan
