#include "backends/vulkan/run/meeting_memory.h"

namespace sinter::vulkan {

using runtime::Meeting;

namespace {

int64_t copy(VkCommandBuffer commands, VkBuffer from, int64_t from_offset, VkBuffer to, int64_t to_offset,
             int64_t bytes) {
  if (bytes == 0) return 0;
  const VkBufferCopy region{static_cast<VkDeviceSize>(from_offset), static_cast<VkDeviceSize>(to_offset),
                            static_cast<VkDeviceSize>(bytes)};
  vkCmdCopyBuffer(commands, from, to, 1, &region);
  return bytes;
}

}  // namespace

MeetingMemory::MeetingMemory(const Gpu& gpu, const Image& image) : image_(image), meetings_(image.meetings) {
  int64_t end = aligned(StepMemory::fault_bytes(image), gpu.buffer_alignment());
  const auto place = [&](Meeting::Place& part, int64_t bytes) {
    if (part.slot == Meeting::Place::kNone) return;
    part.offset = end;
    end += aligned(bytes, gpu.buffer_alignment());
  };
  for (Meeting& meeting : meetings_) {
    for (size_t i = 0; i < meeting.collective.parts.size(); ++i) {
      place(meeting.operands[i], meeting.operand_bytes(i));
      place(meeting.results[i], meeting.result_bytes(i));
    }
  }
  // Results are read, too, as sums are made in them and go on to other ranks.
  memory_ = std::make_unique<const Memory>(gpu, Memory::Kind::download, end, "what ranks make together");
}

int64_t MeetingMemory::record_operands(VkCommandBuffer commands, size_t meeting, const StepMemory& memory,
                                       const DeviceState& state) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < meetings_[meeting].operands.size(); ++i) {
    const Meeting::Place& from = image_.meetings[meeting].operands[i];
    if (from.slot == Meeting::Place::kNone) continue;
    const Place place = memory.place_of(from.slot, state);
    bytes += copy(commands, place.buffer, place.offset + from.offset, memory_->buffer(),
                  meetings_[meeting].operands[i].offset, meetings_[meeting].operand_bytes(i));
  }
  return bytes;
}

int64_t MeetingMemory::record_results(VkCommandBuffer commands, size_t meeting, const StepMemory& memory,
                                      const DeviceState& state) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < meetings_[meeting].results.size(); ++i) {
    const Meeting::Place& to = image_.meetings[meeting].results[i];
    if (to.slot == Meeting::Place::kNone) continue;
    const Place place = memory.place_of(to.slot, state);
    bytes += copy(commands, memory_->buffer(), meetings_[meeting].results[i].offset, place.buffer,
                  place.offset + to.offset, meetings_[meeting].result_bytes(i));
  }
  return bytes;
}

int64_t MeetingMemory::record_faults(VkCommandBuffer commands, const StepMemory& memory) const {
  if (!memory.has_faults()) return 0;
  const Place place = memory.faults();
  return copy(commands, place.buffer, place.offset, memory_->buffer(), 0, place.bytes);
}

}  // namespace sinter::vulkan
