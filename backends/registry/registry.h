#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "backends/backend.h"

namespace sinter::backends {

std::span<const Backend* const> all_backends();
// "cpu", "reference", "vulkan:1"; `target` as in DeviceOptions. Throws GraphError that lists the names on an
// unknown one.
std::unique_ptr<Device> open_device(std::string_view name, int threads = 0,
                                    std::string_view target = "native");

}  // namespace sinter::backends
