#include "backends/vulkan/run/tensor_buffer.h"

#include <cstring>

namespace sinter::vulkan {

using runtime::HostTensor;

TensorBuffer::TensorBuffer(std::shared_ptr<Gpu> gpu, std::shared_ptr<const Memory> memory, int64_t offset,
                           runtime::DType type, runtime::Shape shape)
    : DeviceBuffer(type, std::move(shape)), gpu_(std::move(gpu)), memory_(std::move(memory)), id_(next_id()) {
  place_ = {memory_->buffer(), offset, bytes_of({"", dtype(), DeviceBuffer::shape()})};
}

std::byte* TensorBuffer::mapped() const {
  return memory_->mapped() == nullptr ? nullptr : memory_->mapped() + place_.offset;
}

std::shared_ptr<const TensorBuffer> TensorBuffer::upload(const std::shared_ptr<Gpu>& gpu,
                                                         const HostTensor& tensor) {
  const auto bytes = static_cast<int64_t>(tensor.bytes());
  auto memory = std::make_shared<const Memory>(*gpu, Memory::Kind::device, bytes, "an array");
  auto buffer = std::make_shared<const TensorBuffer>(gpu, memory, 0, tensor.dtype(), tensor.shape());
  const auto* from = static_cast<const std::byte*>(tensor.raw());
  if (bytes == 0) return buffer;
  if (memory->mapped() != nullptr) {
    std::memcpy(memory->mapped(), from, tensor.bytes());
  } else {
    copy_up(*gpu, from, buffer->place());
  }
  return buffer;
}

bool TensorBuffer::lies_on(const Gpu& gpu, const runtime::DeviceBuffer& buffer) {
  const auto* own = dynamic_cast<const TensorBuffer*>(&buffer);
  return own != nullptr && &own->device() == &gpu.logical();
}

// What is copied by the device stays where that has put it, as the host would take four times as long.
HostTensor TensorBuffer::fetch() const {
  if (const std::byte* here = mapped()) {
    HostTensor tensor(dtype(), shape());
    if (place_.bytes > 0) std::memcpy(tensor.raw(), here, static_cast<size_t>(place_.bytes));
    return tensor;
  }
  struct Fetched {
    std::shared_ptr<Gpu> gpu;
    Memory memory;
  };
  const std::shared_ptr<Fetched> fetched(
      new Fetched{gpu_, {*gpu_, Memory::Kind::download, place_.bytes, "a copy of an array"}});
  if (place_.bytes > 0) copy_down(*gpu_, place_, fetched->memory);
  return {dtype(), shape(), std::shared_ptr<void>(fetched, fetched->memory.mapped())};
}

}  // namespace sinter::vulkan
