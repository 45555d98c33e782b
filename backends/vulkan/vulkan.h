#pragma once

#include <memory>

#include "backends/backend.h"

namespace sinter::vulkan {

struct GpuOptions;
class Gpu;

const backends::Backend& backend();

// How the backend opens devices, but for their selector. Tests change it while no program is on one.
GpuOptions& options_by_name();

// A device on a GPU that is open already.
std::unique_ptr<backends::Device> make_device(std::shared_ptr<Gpu> gpu,
                                              std::shared_ptr<runtime::Communicator> communicator = nullptr);

}  // namespace sinter::vulkan
