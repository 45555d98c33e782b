#pragma once

#include <memory>

#include "backends/vulkan/run/memory.h"
#include "runtime/device_buffer.h"

namespace sinter::vulkan {

// A tensor in memory of a device.
class TensorBuffer final : public runtime::DeviceBuffer {
 public:
  // `memory` has it from `offset` on.
  TensorBuffer(std::shared_ptr<Gpu> gpu, std::shared_ptr<const Memory> memory, int64_t offset,
               runtime::DType type, runtime::Shape shape);
  // A copy of `tensor`, by the host where it sees the device's memory. Throws RuntimeError where there is no
  // room.
  static std::shared_ptr<const TensorBuffer> upload(const std::shared_ptr<Gpu>& gpu,
                                                    const runtime::HostTensor& tensor);
  // Whether it is one, of that GPU's device.
  static bool lies_on(const Gpu& gpu, const runtime::DeviceBuffer& buffer);

  runtime::HostTensor fetch() const override;

  const LogicalDevice& device() const { return gpu_->logical(); }
  const Place& place() const { return place_; }
  std::byte* mapped() const;           // null where the host does not see it
  uint64_t id() const { return id_; }  // of this piece of memory; copies of this have it too

 private:
  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<const Memory> memory_;
  Place place_;
  uint64_t id_;
};

}  // namespace sinter::vulkan
