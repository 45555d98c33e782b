#pragma once

#include <memory>

#include "backends/backend.h"

namespace sinter::vulkan {

struct GpuOptions;
class Gpu;

const backends::Backend& backend();

// A device on a GPU that is open already.
std::unique_ptr<backends::Device> make_device(std::shared_ptr<Gpu> gpu);

}  // namespace sinter::vulkan
