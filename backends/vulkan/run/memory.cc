#include "backends/vulkan/run/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {

Memory::Memory(const Gpu& gpu, Kind kind, int64_t bytes, const std::string& what)
    : gpu_(gpu), bytes_(aligned(std::max<int64_t>(bytes, 256), kWord)) {
  const std::string text = fmt::format("{} of {} bytes on {}", what, bytes_, gpu.name());
  if (bytes_ > gpu.abilities().max_allocation) {
    throw RuntimeError(fmt::format("vulkan: {}: it gives at most {} bytes in one piece", text,
                                   gpu.abilities().max_allocation));
  }
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = static_cast<VkDeviceSize>(bytes_);
  info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
  check(vkCreateBuffer(gpu.device(), &info, nullptr, &buffer_), text);
  VkMemoryRequirements needed{};
  vkGetBufferMemoryRequirements(gpu.device(), buffer_, &needed);
  VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, liked = 0;
  const VkMemoryPropertyFlags seen =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (kind != Kind::device || gpu.is_unified()) {
    wanted = seen;
    if (kind != Kind::upload) liked = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  }
  try {
    VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocation.allocationSize = needed.size;
    allocation.memoryTypeIndex = gpu.memory_type(needed.memoryTypeBits, wanted, liked);
    check(vkAllocateMemory(gpu.device(), &allocation, nullptr, &memory_), text);
    check(vkBindBufferMemory(gpu.device(), buffer_, memory_, 0), text);
    if (wanted == seen) {
      void* address = nullptr;
      check(vkMapMemory(gpu.device(), memory_, 0, VK_WHOLE_SIZE, 0, &address), text);
      mapped_ = static_cast<std::byte*>(address);
      std::memset(mapped_, 0, static_cast<size_t>(bytes_));
    }
  } catch (...) {
    vkDestroyBuffer(gpu.device(), buffer_, nullptr);
    vkFreeMemory(gpu.device(), memory_, nullptr);
    throw;
  }
  ++gpu.stats().allocations;
  gpu.stats().bytes += bytes_;
}

Memory::~Memory() {
  vkDestroyBuffer(gpu_.device(), buffer_, nullptr);
  vkFreeMemory(gpu_.device(), memory_, nullptr);
  gpu_.stats().bytes -= bytes_;
}

void Arena::reserve(int64_t bytes) {
  if (memory_ && bytes <= memory_->bytes()) return;
  if (memory_) wait_for_all(*gpu_);
  memory_.reset();
  memory_ = std::make_unique<const Memory>(*gpu_, Memory::Kind::device, bytes, "the arena");
  id_ = next_id();
}

Commands::Commands(Gpu& gpu) : gpu_(gpu) {
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.queueFamilyIndex = gpu.logical().queue_family();
  check(vkCreateCommandPool(gpu.device(), &pool, nullptr, &pool_), "cannot make commands");
  try {
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(gpu.device(), &info, &commands_), "cannot make commands");
    VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    check(vkCreateFence(gpu.device(), &fence, nullptr, &fence_), "cannot make a fence");
  } catch (...) {
    vkDestroyCommandPool(gpu.device(), pool_, nullptr);
    throw;
  }
}

Commands::~Commands() {
  vkDestroyFence(gpu_.device(), fence_, nullptr);
  vkDestroyCommandPool(gpu_.device(), pool_, nullptr);
}

VkCommandBuffer Commands::begin(bool once) {
  check(vkResetCommandPool(gpu_.device(), pool_, 0), "cannot record");
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  if (once) info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(vkBeginCommandBuffer(commands_, &info), "cannot record");
  return commands_;
}

void Commands::end() {
  check(vkEndCommandBuffer(commands_), "cannot record");
}

void Commands::submit() {
  gpu_.logical().submit(commands_, fence_);
}

void Commands::wait() {
  gpu_.logical().watch(vkWaitForFences(gpu_.device(), 1, &fence_, VK_TRUE, UINT64_MAX), "waiting for a step");
  gpu_.logical().watch(vkResetFences(gpu_.device(), 1, &fence_), "waiting for a step");
}

namespace {

constexpr int64_t kPiece = int64_t{64} << 20;  // what is copied up at once
// What commands hold themselves: memory to copy from would take a millisecond to get.
constexpr int64_t kPieceOfCommands = 64 << 10, kMostOfCommands = 1 << 20;

// What `record` makes, after all that was submitted before.
template <typename Record>
void do_now(Gpu& gpu, Record record) {
  Commands commands(gpu);
  VkCommandBuffer recorded = commands.begin(true);
  constexpr VkAccessFlags kAll = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  record_barrier(recorded, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, kAll, kAll);
  record(recorded);
  record_barrier(recorded, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                 VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
  commands.end();
  commands.run();
}

void copy_now(Gpu& gpu, VkBuffer from, VkBuffer to, const VkBufferCopy& region) {
  do_now(gpu, [&](VkCommandBuffer commands) { vkCmdCopyBuffer(commands, from, to, 1, &region); });
}

}  // namespace

void clear(Gpu& gpu, const Memory& memory) {
  do_now(gpu,
         [&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, memory.buffer(), 0, VK_WHOLE_SIZE, 0); });
}

namespace {

void copy_by_commands(Gpu& gpu, const std::byte* from, const Place& to) {
  do_now(gpu, [&](VkCommandBuffer commands) {
    for (int64_t done = 0; done < to.bytes; done += kPieceOfCommands) {
      const int64_t bytes = std::min(to.bytes - done, kPieceOfCommands);
      vkCmdUpdateBuffer(commands, to.buffer, static_cast<VkDeviceSize>(to.offset + done),
                        static_cast<VkDeviceSize>(bytes), from + done);
    }
  });
}

void copy_by_memory(Gpu& gpu, const std::byte* from, const Place& to) {
  const Memory staging(gpu, Memory::Kind::upload, std::min(to.bytes, kPiece), "a copy");
  for (int64_t done = 0; done < to.bytes; done += kPiece) {
    const auto bytes = static_cast<size_t>(std::min(to.bytes - done, kPiece));
    std::memcpy(staging.mapped(), from + done, bytes);
    copy_now(gpu, staging.buffer(), to.buffer, {0, static_cast<VkDeviceSize>(to.offset + done), bytes});
  }
}

}  // namespace

void copy_up(Gpu& gpu, const std::byte* from, const Place& to) {
  const bool in_words = to.bytes % 4 == 0 && to.offset % 4 == 0;
  (in_words && to.bytes <= kMostOfCommands ? copy_by_commands : copy_by_memory)(gpu, from, to);
  gpu.stats().bytes_up += to.bytes;
}

void copy_down(Gpu& gpu, const Place& from, const Memory& to) {
  copy_now(gpu, from.buffer, to.buffer(),
           {static_cast<VkDeviceSize>(from.offset), 0, static_cast<VkDeviceSize>(from.bytes)});
  gpu.stats().bytes_down += from.bytes;
}

void wait_for_all(Gpu& gpu) {
  Commands none(gpu);
  gpu.logical().submit(VK_NULL_HANDLE, none.fence());
  none.wait();
}

uint64_t next_id() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

int64_t bytes_of(const runtime::TensorSpec& spec) {
  auto bytes = static_cast<int64_t>(runtime::size_in_bytes(spec.dtype));
  for (const int64_t extent : spec.shape) bytes *= extent;
  return bytes;
}

int64_t aligned(int64_t bytes, int64_t alignment) {
  return (std::max<int64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
}

void record_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                    VkAccessFlags writes, VkAccessFlags reads) {
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = writes;
  barrier.dstAccessMask = reads;
  vkCmdPipelineBarrier(commands, from, to, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

}  // namespace sinter::vulkan
