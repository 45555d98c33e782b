#pragma once

#include <memory>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/run/image.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

std::unique_ptr<runtime::Executable> make_executable(Image image, std::shared_ptr<Gpu> gpu);

}  // namespace sinter::vulkan
