#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/vulkan/run/gpu.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// Memory of a device in one buffer. Zero when made, where the host sees it.
class Memory {
 public:
  enum class Kind : uint8_t {
    device,    // the host may see it or not
    upload,    // the host writes it
    download,  // the host reads it
  };

  // Throws RuntimeError that names `what` and its size where there is not enough.
  Memory(const Gpu& gpu, Kind kind, int64_t bytes, const std::string& what);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  VkBuffer buffer() const { return buffer_; }
  int64_t bytes() const { return bytes_; }
  std::byte* mapped() const { return mapped_; }  // null where the host does not see it

 private:
  const Gpu& gpu_;
  int64_t bytes_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::byte* mapped_ = nullptr;
};

// Memory that kernels use and the host fills or reads: one buffer where they share it, else two and a copy.
class SharedMemory {
 public:
  SharedMemory(const Gpu& gpu, Memory::Kind direction, int64_t bytes, const std::string& what);

  VkBuffer buffer() const { return device_.buffer(); }
  std::byte* mapped() const { return host_ ? host_->mapped() : device_.mapped(); }
  bool is_staged() const { return host_ != nullptr; }
  // Between host and device, as the direction is; nothing to do where they share memory.
  void record_copy(VkCommandBuffer commands) const;

 private:
  Memory::Kind direction_;
  Memory device_;
  std::unique_ptr<Memory> host_;
};

// Commands and the fence that says when they are done.
class Commands {
 public:
  explicit Commands(Gpu& gpu);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  VkCommandBuffer begin(bool once);  // what was recorded before is gone
  void end();
  void run();  // submits and waits

 private:
  Gpu& gpu_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
};

int64_t bytes_of(const runtime::TensorSpec& spec);
// The next multiple of `alignment`, at least one of them.
int64_t aligned(int64_t bytes, int64_t alignment);

// All that was written before is seen by all that comes after.
void record_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                    VkAccessFlags writes, VkAccessFlags reads);

}  // namespace sinter::vulkan
