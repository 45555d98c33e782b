#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/vulkan/run/api.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

struct GpuOptions {
  std::string selector;  // "": the best one; "1": the second that list_gpus names; else a part of its name
  bool stage = false;    // copy inputs and outputs even where host and device share their memory
  // Where set, the validation layer is loaded, with checks of synchronisation, and tells this what it finds.
  std::function<void(const std::string&)> on_message;
  std::string cache_folder = runtime::user_cache_folder();
};

// What making programs ready costs, so that tests can see that running them does not.
struct GpuStats {
  std::atomic<int64_t> pipelines = 0;
  std::atomic<int64_t> allocations = 0;
  std::atomic<int64_t> recordings = 0;
  std::atomic<int64_t> submits = 0;
};

// A device with its one queue. Throws RuntimeError where there is no driver, no such device, or it lacks
// Vulkan 1.2.
class Gpu {
 public:
  explicit Gpu(const GpuOptions& options);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  VkDevice device() const { return device_; }
  uint32_t queue_family() const { return queue_family_; }
  const VkPhysicalDeviceLimits& limits() const { return properties_.limits; }
  // Of the beginning of a tensor: for bindings, and for vectors of four.
  int64_t buffer_alignment() const {
    return std::max<int64_t>(16, static_cast<int64_t>(limits().minStorageBufferOffsetAlignment));
  }
  int64_t max_allocation() const { return max_allocation_; }
  std::string name() const { return properties_.deviceName; }
  std::string identity() const;  // of the device and its driver: what is made for one is for no other

  bool has_f64() const { return has_f64_; }
  bool has_i64() const { return has_i64_; }
  bool has_bytes() const { return has_bytes_; }
  bool keeps_nan() const { return keeps_nan_; }
  bool keeps_denormals() const { return keeps_denormals_; }
  int64_t subgroup_size() const { return subgroup_size_; }
  bool subgroup_arithmetic() const { return subgroup_arithmetic_; }

  // Host and device share memory: what is mapped is what shaders see.
  bool is_unified() const { return is_unified_; }
  uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags liked) const;

  void submit(VkCommandBuffer commands, VkFence fence);  // any thread may
  GpuStats& stats() const { return stats_; }
  runtime::DiskCache& cache() const { return cache_; }

 private:
  void make_instance();
  void choose(const std::string& selector);
  void look_at_device();
  void make_device();

  GpuOptions options_;
  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkPhysicalDeviceProperties properties_{};
  VkPhysicalDeviceMemoryProperties memory_{};
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  uint32_t queue_family_ = 0;
  int64_t max_allocation_ = 0;
  int64_t subgroup_size_ = 1;
  bool subgroup_arithmetic_ = false;
  bool has_f64_ = false, has_i64_ = false, has_bytes_ = false;
  bool keeps_nan_ = false, keeps_denormals_ = false;
  bool is_unified_ = false;
  std::mutex queue_mutex_;
  mutable GpuStats stats_;
  mutable runtime::DiskCache cache_;
};

// A line for each device: how to select it, name, driver, memory, limits, what it has.
std::vector<std::string> list_gpus();

bool has_validation_layer();

}  // namespace sinter::vulkan
