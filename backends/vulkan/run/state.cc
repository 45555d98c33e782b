#include "backends/vulkan/run/state.h"

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
    write(i, static_cast<const std::byte*>(zeros.raw()));
  }
}

void DeviceState::set(std::string_view name, const HostTensor& value) {
  write(index_for(name, value), static_cast<const std::byte*>(value.raw()));
}

void DeviceState::write(size_t index, const std::byte* from) {
  const Place place = place_of(index);
  if (place.bytes == 0) return;
  if (memory_.mapped() == nullptr) return copy_up(*gpu_, from, place);
  settle();
  std::memcpy(memory_.mapped() + place.offset, from, static_cast<size_t>(place.bytes));
}

HostTensor DeviceState::get(std::string_view name) const {
  const size_t index = index_of(name);
  HostTensor value(specs_[index].dtype, specs_[index].shape);
  const Place place = place_of(index);
  if (place.bytes == 0) return value;
  const auto bytes = static_cast<size_t>(place.bytes);
  if (memory_.mapped() != nullptr) {
    settle();
    std::memcpy(value.raw(), memory_.mapped() + place.offset, bytes);
    return value;
  }
  const Memory staging(*gpu_, Memory::Kind::download, place.bytes, "a copy of state");
  copy_down(*gpu_, place, staging);
  std::memcpy(value.raw(), staging.mapped(), bytes);
  return value;
}

Place DeviceState::place_of(size_t index) const {
  return {memory_.buffer(), offsets_[index], bytes_of(specs_[index])};
}

void DeviceState::settle() const {
  if (started_ > 0) wait_for_all(*gpu_);
}

}  // namespace sinter::vulkan
