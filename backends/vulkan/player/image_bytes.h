#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/vulkan/run/image.h"

// A compiled function as the cache and NAME.sinter keep it.
namespace sinter::vulkan {

std::string to_bytes(const Image& image);
// Nothing where the bytes are none of to_bytes(), or tell of launches, kernels and memory that do not fit
// together.
std::optional<Image> from_bytes(std::string_view bytes);

}  // namespace sinter::vulkan
