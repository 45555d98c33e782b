#include "backends/registry/players.h"

#include <fmt/format.h>

#include "runtime/error.h"
#if SINTER_VULKAN
#include "backends/vulkan/player/player.h"
#endif

namespace sinter::backends {

std::unique_ptr<Player> open_player([[maybe_unused]] const std::string& path, const std::string& device) {
  std::string known = "none";
#if SINTER_VULKAN
  known = "vulkan";
  if (device == known) return vulkan::open_player(path, "");
  if (device.starts_with(known + ":")) return vulkan::open_player(path, device.substr(known.size() + 1));
#endif
  throw RuntimeError(fmt::format("device '{}' plays no program compiled ahead of time: those that do are {}",
                                 device, known));
}

}  // namespace sinter::backends
