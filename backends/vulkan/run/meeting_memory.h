#pragma once

#include <cstddef>
#include <vector>

#include "backends/vulkan/run/step_memory.h"

namespace sinter::vulkan {

// What ranks make together as the host sees it, and with it other ranks: what the device gives is copied here
// before a meeting begins, and what it gets from here after the meeting has ended.
class MeetingMemory {
 public:
  MeetingMemory(const Gpu& gpu, const Image& image);

  // The image's, but that their places are offsets here.
  const std::vector<runtime::Meeting>& meetings() const { return meetings_; }
  std::byte* at(const runtime::Meeting::Place& place) const { return memory_->mapped() + place.offset; }
  // What checks had found when the last segment ended, as StepMemory::read_faults().
  const std::byte* faults() const { return memory_->mapped(); }

  // Return how many bytes they copy.
  int64_t record_operands(VkCommandBuffer commands, size_t meeting, const StepMemory& memory,
                          const DeviceState& state) const;
  int64_t record_results(VkCommandBuffer commands, size_t meeting, const StepMemory& memory,
                         const DeviceState& state) const;
  int64_t record_faults(VkCommandBuffer commands, const StepMemory& memory) const;

 private:
  const Image& image_;
  std::vector<runtime::Meeting> meetings_;
  std::unique_ptr<const Memory> memory_;
};

}  // namespace sinter::vulkan
