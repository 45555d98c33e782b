#include "backends/registry/registry.h"

#include <fmt/format.h>

#include <string>

#include "backends/cpu/cpu.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#if SINTER_VULKAN
#include "backends/vulkan/vulkan.h"
#endif

namespace sinter::backends {

std::span<const Backend* const> all_backends() {
  static const Backend* const backends[] = {
    &reference::backend(),
    &cpu::backend(),
#if SINTER_VULKAN
    &vulkan::backend(),
#endif
  };
  return backends;
}

std::unique_ptr<Device> open_device(std::string_view name, int threads, std::string_view target,
                                    std::shared_ptr<runtime::Communicator> communicator) {
  const size_t colon = name.find(':');
  const std::string_view backend = name.substr(0, colon);
  const DeviceOptions options{
      .selector = colon == std::string_view::npos ? "" : std::string(name.substr(colon + 1)),
      .threads = threads,
      .target = std::string(target),
      .communicator = std::move(communicator)};
  std::string known;
  for (const Backend* candidate : all_backends()) {
    if (candidate->name() == backend) {
      if (target != "native" && !candidate->has_targets()) {
        throw GraphError(fmt::format(
            "device '{}' compiles only for itself: target must be 'native', got '{}'", name, target));
      }
      return candidate->open(options);
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate->name());
  }
  throw GraphError(fmt::format("unknown device '{}': expected one of {}", name, known));
}

}  // namespace sinter::backends
