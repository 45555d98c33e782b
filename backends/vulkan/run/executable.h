#pragma once

#include <memory>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/run/image.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// Without a `communicator`, the process is a rank alone.
std::unique_ptr<runtime::Executable> make_executable(
    Image image, std::shared_ptr<Gpu> gpu, std::shared_ptr<runtime::Communicator> communicator = nullptr);

}  // namespace sinter::vulkan
