#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "backends/vulkan/run/api.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

// What a device can do, as far as programs depend on it.
struct GpuAbilities {
  VkPhysicalDeviceLimits limits{};
  int64_t max_allocation = 0;
  int64_t max_iterations = INT64_MAX;  // of all loops of an invocation together
  int64_t subgroup_size = 1;
  bool subgroup_arithmetic = false;  // and all subgroups have that size
  bool subgroup_shuffle = false;
  bool has_f64 = false, has_i64 = false;
  bool has_bytes = false;  // 8-bit elements in buffers
  bool keeps_nan = false, keeps_denormals = false;
  bool is_processor = false;  // a driver that computes on the CPU
};

struct GpuOptions {
  std::string selector;  // "": the best one; "1": the second that list_gpus names; else a part of its name
  bool stage = false;    // copy inputs and outputs even where host and device share their memory
  // Where set, the validation layer is loaded, with checks of synchronisation, and tells this what it finds.
  std::function<void(const std::string&)> on_message;
  std::string cache_folder = runtime::user_cache_folder();
  std::function<void(GpuAbilities&)> lessen;  // lets it pass for a device that can do less
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
  uint32_t timestamp_bits() const { return timestamp_bits_; }  // of the queue's clock; 0: it has none
  const GpuAbilities& abilities() const { return abilities_; }
  const VkPhysicalDeviceLimits& limits() const { return abilities_.limits; }
  // Of the beginning of a tensor: for bindings, and for vectors of four.
  int64_t buffer_alignment() const {
    return std::max<int64_t>({16, static_cast<int64_t>(limits().minStorageBufferOffsetAlignment),
                              static_cast<int64_t>(limits().minTexelBufferOffsetAlignment)});
  }
  std::string name() const { return properties_.deviceName; }
  std::string identity() const;  // of the device and its driver: what is made for one is for no other

  // Host and device share memory: what is mapped is what shaders see.
  bool is_unified() const { return is_unified_; }
  uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags liked) const;

  void submit(VkCommandBuffer commands, VkFence fence);  // any thread may
  // check(), which besides remembers that the device is lost. Nothing can be submitted to it any more.
  void watch(VkResult result, std::string_view what);
  bool is_lost() const { return is_lost_; }
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
  uint32_t timestamp_bits_ = 0;
  GpuAbilities abilities_;
  bool is_unified_ = false;
  std::atomic<bool> is_lost_ = false;
  std::mutex queue_mutex_;
  mutable GpuStats stats_;
  mutable runtime::DiskCache cache_;
};

}  // namespace sinter::vulkan
