#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "backends/vulkan/run/instance.h"

namespace sinter::vulkan {

inline constexpr int64_t kLocalBytesOfIntel = 512;  // in subgroups of 8

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
  bool fuses_multiply_add = false;
  int64_t multiprocessors = 0;  // 0: the device does not tell
  int64_t local_bytes = 1024;   // of one invocation, most of it in registers

  // Of the beginning of a tensor: for bindings, and for vectors of four.
  int64_t buffer_alignment() const {
    return std::max<int64_t>({16, static_cast<int64_t>(limits.minStorageBufferOffsetAlignment),
                              static_cast<int64_t>(limits.minTexelBufferOffsetAlignment)});
  }
  // Whether sums are denormals where that is what they are. Drivers on processors compute as these do, and
  // promise nothing.
  bool adds_denormals() const { return keeps_denormals || is_processor; }
  // Invocations of a workgroup, which lie along its first axis.
  int64_t max_workgroup_size() const {
    return std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  }
  // Of a kernel.
  int64_t max_buffers() const {
    return std::min({limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers,
                     limits.maxPerStageResources});
  }
  int64_t max_texel_buffers() const {
    return std::min(limits.maxPerStageDescriptorStorageImages, limits.maxDescriptorSetStorageImages);
  }
};

// What programs cost, so that tests can see that running them costs nothing but the step.
struct GpuStats {
  std::atomic<int64_t> pipelines = 0;
  std::atomic<int64_t> allocations = 0;
  std::atomic<int64_t> bytes = 0;  // that are allocated now
  std::atomic<int64_t> recordings = 0;
  std::atomic<int64_t> submits = 0;
  std::atomic<int64_t> bytes_up = 0;  // copied from the memory of the host to the device's, and back
  std::atomic<int64_t> bytes_down = 0;
};

// A logical device with its one queue, and what its physical device is.
class LogicalDevice {
 public:
  // The one of this process for the physical device that `selector` names (GpuOptions), which all its
  // programs share: made when it is first asked for, and again only where it was lost. It lives as long as
  // the process, a lost one as long as the programs that used it. Any thread may ask. Throws RuntimeError
  // where there is no driver, no such device, or it lacks Vulkan 1.2.
  static std::shared_ptr<LogicalDevice> shared(const std::string& selector, Listener listener);

  explicit LogicalDevice(VkPhysicalDevice physical);
  ~LogicalDevice();
  LogicalDevice(const LogicalDevice&) = delete;
  LogicalDevice& operator=(const LogicalDevice&) = delete;

  VkDevice handle() const { return device_; }
  uint32_t queue_family() const { return queue_family_; }
  uint32_t timestamp_bits() const { return timestamp_bits_; }
  const VkPhysicalDeviceProperties& properties() const { return properties_; }
  const VkPhysicalDeviceMemoryProperties& memory() const { return memory_; }
  const GpuAbilities& abilities() const { return abilities_; }
  std::string name() const { return properties_.deviceName; }
  GpuStats& stats() { return stats_; }

  // Any thread may; what is submitted first runs first. Without commands, the fence says when all that was
  // submitted before has ended.
  void submit(VkCommandBuffer commands, VkFence fence);
  // check(), which besides remembers that the device is lost. Nothing can be submitted to it any more.
  void watch(VkResult result, std::string_view what);
  bool is_lost() const { return is_lost_; }

 private:
  void look();
  void open();

  VkPhysicalDevice physical_;
  VkPhysicalDeviceProperties properties_{};
  VkPhysicalDeviceMemoryProperties memory_{};
  GpuAbilities abilities_;
  uint32_t queue_family_ = 0;
  uint32_t timestamp_bits_ = 0;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::mutex queue_mutex_;
  std::atomic<bool> is_lost_ = false;
  GpuStats stats_;
};

}  // namespace sinter::vulkan
