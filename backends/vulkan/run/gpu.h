#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "backends/vulkan/run/logical_device.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

struct GpuOptions {
  std::string selector;  // "": the best one; "1": the second that list_gpus names; else a part of its name
  bool stage = false;    // copy inputs and outputs even where host and device share their memory
  // Where set, the validation layer watches, with checks of synchronisation.
  Listener on_message = nullptr;
  std::string cache_folder = runtime::user_cache_folder();
  std::function<void(GpuAbilities&)> lessen = nullptr;  // lets it pass for a device that can do less
};

// The process's logical device as programs see it. Throws RuntimeError as LogicalDevice::shared does.
class Gpu {
 public:
  explicit Gpu(const GpuOptions& options);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  LogicalDevice& logical() const { return *logical_; }
  VkDevice device() const { return logical_->handle(); }
  const GpuAbilities& abilities() const { return abilities_; }
  const VkPhysicalDeviceLimits& limits() const { return abilities_.limits; }
  int64_t buffer_alignment() const { return abilities_.buffer_alignment(); }
  std::string name() const { return logical_->name(); }
  std::string identity() const;  // of the device and its driver: what is made for one is for no other

  // Host and device share memory: what is mapped is what shaders see.
  bool is_unified() const { return is_unified_; }
  uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags liked) const;

  bool is_lost() const { return logical_->is_lost(); }
  GpuStats& stats() const { return logical_->stats(); }
  runtime::DiskCache& cache() const { return cache_; }

 private:
  std::shared_ptr<LogicalDevice> logical_;
  GpuAbilities abilities_;
  bool is_unified_;
  mutable runtime::DiskCache cache_;
};

}  // namespace sinter::vulkan
