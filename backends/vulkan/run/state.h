#pragma once

#include <atomic>
#include <memory>
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

  // Between these a call may be using it, for which the host then waits. Any thread may call them.
  void note_started() const { ++started_; }
  void note_ended() const { --started_; }

 private:
  void write(size_t index, const std::byte* from);
  Place place_of(size_t index) const;
  void settle() const;

  std::shared_ptr<Gpu> gpu_;
  std::vector<runtime::TensorSpec> specs_;
  std::vector<int64_t> offsets_;
  Memory memory_;
  uint64_t id_;
  mutable std::atomic<int> started_ = 0;
};

}  // namespace sinter::vulkan
