#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "backends/backend.h"

namespace sinter::backends {

std::span<const Backend* const> all_backends();
// "cpu", "reference", "vulkan:1"; `target` and `communicator` as in DeviceOptions. Throws GraphError that
// lists the names on an unknown one.
std::unique_ptr<Device> open_device(std::string_view name, int threads = 0,
                                    std::string_view target = "native",
                                    std::shared_ptr<runtime::Communicator> communicator = nullptr);

}  // namespace sinter::backends
