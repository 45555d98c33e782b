#include "backends/vulkan/run/state.h"

#include <atomic>
#include <cstring>

namespace sinter::vulkan {
namespace {

using runtime::HostTensor;
using runtime::TensorSpec;

std::vector<int64_t> lay_out(const Gpu& gpu, const std::vector<TensorSpec>& specs) {
  const auto alignment = gpu.buffer_alignment();
  std::vector<int64_t> offsets = {0};
  for (const TensorSpec& spec : specs) {
    offsets.push_back(offsets.back() + aligned(bytes_of(spec), alignment));
  }
  return offsets;
}

uint64_t next_id() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

}  // namespace

DeviceState::DeviceState(std::shared_ptr<Gpu> gpu, std::vector<TensorSpec> specs)
    : gpu_(std::move(gpu)),
      specs_(std::move(specs)),
      offsets_(lay_out(*gpu_, specs_)),
      memory_(*gpu_, Memory::Kind::device, offsets_.back(), "the state"),
      id_(next_id()) {
  if (memory_.mapped() != nullptr) return;
  for (size_t i = 0; i < specs_.size(); ++i) {
    HostTensor zeros(specs_[i].dtype, specs_[i].shape);
    transfer(i, static_cast<std::byte*>(zeros.raw()), true);
  }
}

void DeviceState::set(std::string_view name, const HostTensor& value) {
  // Only read.
  transfer(index_for(name, value), static_cast<std::byte*>(const_cast<void*>(value.raw())), true);
}

HostTensor DeviceState::get(std::string_view name) const {
  const size_t index = index_of(name);
  HostTensor value(specs_[index].dtype, specs_[index].shape);
  transfer(index, static_cast<std::byte*>(value.raw()), false);
  return value;
}

void DeviceState::transfer(size_t index, std::byte* host, bool to_device) const {
  const auto bytes = static_cast<size_t>(bytes_of(specs_[index]));
  if (bytes == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (memory_.mapped() != nullptr) {
    std::byte* device = memory_.mapped() + offsets_[index];
    std::memcpy(to_device ? device : host, to_device ? host : device, bytes);
    return;
  }
  const Memory staging(*gpu_, to_device ? Memory::Kind::upload : Memory::Kind::download,
                       static_cast<int64_t>(bytes), "a copy of state");
  if (to_device) std::memcpy(staging.mapped(), host, bytes);
  Commands commands(*gpu_);
  VkCommandBuffer recorded = commands.begin(true);
  constexpr VkAccessFlags kAll = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  record_barrier(recorded, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, kAll, kAll);
  const auto offset = static_cast<VkDeviceSize>(offsets_[index]);
  VkBufferCopy region{to_device ? 0 : offset, to_device ? offset : 0, bytes};
  vkCmdCopyBuffer(recorded, to_device ? staging.buffer() : memory_.buffer(),
                  to_device ? memory_.buffer() : staging.buffer(), 1, &region);
  record_barrier(recorded, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                 VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
  commands.end();
  commands.run();
  if (!to_device) std::memcpy(host, staging.mapped(), bytes);
}

}  // namespace sinter::vulkan
