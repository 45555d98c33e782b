#pragma once

#include <cstdint>
#include <vector>

#include "backends/vulkan/run/gpu.h"

namespace sinter::vulkan {

// Times on the device's clock, taken by commands. A device without such a clock gives none.
class Timestamps {
 public:
  Timestamps(const Gpu& gpu, uint32_t count);
  ~Timestamps();
  Timestamps(const Timestamps&) = delete;
  Timestamps& operator=(const Timestamps&) = delete;

  void record_reset(VkCommandBuffer commands) const;
  // When all that was recorded before has ended.
  void record(VkCommandBuffer commands, uint32_t index) const;
  // In nanoseconds from the first, once the commands have run; empty where there is no clock.
  std::vector<int64_t> read() const;

 private:
  const Gpu& gpu_;
  uint32_t count_;
  VkQueryPool pool_ = VK_NULL_HANDLE;
};

}  // namespace sinter::vulkan
