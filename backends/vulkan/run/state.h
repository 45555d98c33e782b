#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/vulkan/run/memory.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// State in one buffer on the device.
class DeviceState final : public runtime::StateStore {
 public:
  DeviceState(std::shared_ptr<Gpu> gpu, std::vector<runtime::TensorSpec> specs);

  void set(std::string_view name, const runtime::HostTensor& value) override;
  runtime::HostTensor get(std::string_view name) const override;
  const std::vector<runtime::TensorSpec>& specs() const override { return specs_; }

  VkBuffer buffer() const { return memory_.buffer(); }
  int64_t offset(size_t index) const { return offsets_[index]; }
  uint64_t id() const { return id_; }  // no other state of this process has it

 private:
  void transfer(size_t index, std::byte* host, bool to_device) const;

  std::shared_ptr<Gpu> gpu_;
  std::vector<runtime::TensorSpec> specs_;
  std::vector<int64_t> offsets_;
  Memory memory_;
  uint64_t id_;
  mutable std::mutex mutex_;
};

}  // namespace sinter::vulkan
