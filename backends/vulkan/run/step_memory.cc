#include "backends/vulkan/run/step_memory.h"

#include <algorithm>

#include "runtime/error.h"

namespace sinter::vulkan {

using runtime::Slot;

StepMemory::StepMemory(const Gpu& gpu, const Image& image, const Memory& constants,
                       const std::vector<int64_t>& constant_offsets)
    : image_(image), constants_(constants), constant_offsets_(constant_offsets) {
  const auto alignment = gpu.buffer_alignment();
  const auto place = [&](const std::vector<runtime::TensorSpec>& specs, int64_t offset) {
    std::vector<int64_t> offsets = {offset};
    for (const auto& spec : specs) offsets.push_back(offsets.back() + aligned(bytes_of(spec), alignment));
    return offsets;
  };
  call_.bytes = sizeof(CallBlock);
  faults_.bytes = static_cast<int64_t>(sizeof(FaultBlock) + 4 * std::max<size_t>(image_.faults.size(), 1));
  input_offsets_ = place(image_.inputs, aligned(call_.bytes, alignment));
  output_offsets_ = place(image_.outputs, aligned(faults_.bytes, alignment));
  upload_ = std::make_unique<SharedMemory>(gpu, Memory::Kind::upload, input_offsets_.back(), "inputs");
  download_ = std::make_unique<SharedMemory>(gpu, Memory::Kind::download, output_offsets_.back(), "outputs");
  arena_ = std::make_unique<Memory>(gpu, Memory::Kind::device, image_.arena_bytes, "the arena");
  call_.buffer = upload_->buffer();
  faults_.buffer = download_->buffer();
}

Place StepMemory::place_of(size_t index, const DeviceState& state) const {
  const Slot& slot = image_.slots[index];
  const int64_t bytes = std::max<int64_t>(slot.bytes, 4);
  switch (slot.kind) {
    case Slot::Kind::input:
      return {upload_->buffer(), input_offsets_[slot.ordinal], bytes};
    case Slot::Kind::output:
      return {download_->buffer(), output_offsets_[slot.ordinal], bytes};
    case Slot::Kind::state:
      if (slot.ordinal >= state.specs().size() || bytes_of(state.specs()[slot.ordinal]) != slot.bytes) {
        throw RuntimeError("the state belongs to another device or program");
      }
      return {state.buffer(), state.offset(slot.ordinal), bytes};
    case Slot::Kind::arena:
      return {arena_->buffer(), slot.offset, bytes};
    case Slot::Kind::constant:
      break;
  }
  return {constants_.buffer(), constant_offsets_[index], bytes};
}

}  // namespace sinter::vulkan
