#include "backends/vulkan/run/state.h"

#include <cstring>

namespace sinter::vulkan {

using runtime::HostTensor;
using runtime::TensorSpec;

DeviceState::DeviceState(std::shared_ptr<Gpu> gpu, std::vector<TensorSpec> specs)
    : specs_(std::move(specs)), arena_(std::make_shared<Arena>(gpu)), id_(next_id()) {
  const auto alignment = gpu->buffer_alignment();
  std::vector<int64_t> offsets = {0};
  for (const TensorSpec& spec : specs_) {
    offsets.push_back(offsets.back() + aligned(bytes_of(spec), alignment));
  }
  const auto block = std::make_shared<Block>(std::move(gpu), offsets.back());
  for (size_t i = 0; i < specs_.size(); ++i) pieces_.push_back({block, offsets[i]});
  blocks_.push_back(block);
  if (block->memory.mapped() == nullptr) clear(*block->gpu, block->memory);
}

std::unique_ptr<runtime::StateStore> DeviceState::with(const StateStore& other,
                                                       std::span<const std::string> names) const {
  std::unique_ptr<DeviceState> both(new DeviceState());
  const auto& more = dynamic_cast<const DeviceState&>(other);
  both->specs_ = specs_;
  both->pieces_ = pieces_;
  for (const std::string& name : names) {
    const size_t index = other.index_of(name);
    both->specs_.push_back(more.specs_[index]);
    both->pieces_.push_back(more.pieces_[index]);
  }
  both->arena_ = arena_;
  both->blocks_ = blocks_;
  both->blocks_.insert(both->blocks_.end(), more.blocks_.begin(), more.blocks_.end());
  return both;
}

void DeviceState::set(std::string_view name, const HostTensor& value) {
  const size_t index = index_for(name, value);
  const Block& block = *pieces_[index].block;
  const Place place = place_of(index);
  if (place.bytes == 0) return;
  const auto* from = static_cast<const std::byte*>(value.raw());
  if (block.memory.mapped() == nullptr) return copy_up(*block.gpu, from, place);
  settle(block);
  std::memcpy(block.memory.mapped() + place.offset, from, static_cast<size_t>(place.bytes));
}

HostTensor DeviceState::get(std::string_view name) const {
  const size_t index = index_of(name);
  const Block& block = *pieces_[index].block;
  HostTensor value(specs_[index].dtype, specs_[index].shape);
  const Place place = place_of(index);
  if (place.bytes == 0) return value;
  const auto bytes = static_cast<size_t>(place.bytes);
  if (block.memory.mapped() != nullptr) {
    settle(block);
    std::memcpy(value.raw(), block.memory.mapped() + place.offset, bytes);
    return value;
  }
  const Memory staging(*block.gpu, Memory::Kind::download, place.bytes, "a copy of state");
  copy_down(*block.gpu, place, staging);
  std::memcpy(value.raw(), staging.mapped(), bytes);
  return value;
}

Place DeviceState::place_of(size_t index) const {
  return {pieces_[index].block->memory.buffer(), pieces_[index].offset, bytes_of(specs_[index])};
}

void DeviceState::note_started() const {
  for (const auto& block : blocks_) ++block->started;
}

void DeviceState::note_ended() const {
  for (const auto& block : blocks_) --block->started;
}

void DeviceState::settle(const Block& block) const {
  if (block.started > 0) wait_for_all(*block.gpu);
}

}  // namespace sinter::vulkan
