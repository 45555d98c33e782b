#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

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

// Memory of the device for steps that run one after the other, each of which finds in it what the one before
// has left: as large as the largest needs.
class Arena {
 public:
  explicit Arena(std::shared_ptr<Gpu> gpu) : gpu_(std::move(gpu)) {}

  // At least `bytes` are in buffer() then. Where it has to grow, it waits for all steps that were submitted,
  // and gives back what it was.
  void reserve(int64_t bytes);
  VkBuffer buffer() const { return memory_->buffer(); }
  uint64_t id() const { return id_; }  // of what it is now

 private:
  std::shared_ptr<Gpu> gpu_;
  std::unique_ptr<const Memory> memory_;
  uint64_t id_ = 0;
};

// A piece of a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  int64_t offset = 0;
  int64_t bytes = 0;
};

// Commands and the fence that says when they are done.
class Commands {
 public:
  explicit Commands(Gpu& gpu);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  VkFence fence() const { return fence_; }
  VkCommandBuffer begin(bool once);  // what was recorded before is gone
  void end();
  void submit();
  void wait();  // once for each submit
  void run() {
    submit();
    wait();
  }

 private:
  Gpu& gpu_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
};

// Between host and device, after all that was submitted before; waits for it.
void copy_up(Gpu& gpu, const std::byte* from, const Place& to);
void copy_down(Gpu& gpu, const Place& from, const Memory& to);
void clear(Gpu& gpu, const Memory& memory);  // to zeros
// All that was submitted before has ended.
void wait_for_all(Gpu& gpu);

uint64_t next_id();  // no two are the same in a process
int64_t bytes_of(const runtime::TensorSpec& spec);
// The next multiple of `alignment`, at least one of them.
int64_t aligned(int64_t bytes, int64_t alignment);
// Bytes; what shaders see of a tensor is whole words, and so is memory.
inline constexpr int64_t kWord = 4;

// All that was written before is seen by all that comes after.
void record_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                    VkAccessFlags writes, VkAccessFlags reads);

}  // namespace sinter::vulkan
