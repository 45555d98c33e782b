#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/vulkan/run/image.h"
#include "backends/vulkan/run/memory.h"
#include "backends/vulkan/run/state.h"

namespace sinter::vulkan {

// A piece of a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  int64_t offset = 0;
  int64_t bytes = 0;
};

// What shaders see as Call and as Faults; the sites' first positions follow.
struct CallBlock {
  uint32_t seed_low, seed_high, step, wanted_site, wanted_position;
};
struct FaultBlock {
  uint32_t fault, low, high;
};

constexpr uint32_t kNowhere = 0xffffffff;  // where a site's check first failed, if it held

// The memory of one run at a time: inputs behind the call, outputs behind the faults, and the arena.
class StepMemory {
 public:
  StepMemory(const Gpu& gpu, const Image& image, const Memory& constants,
             const std::vector<int64_t>& constant_offsets);

  Place place_of(size_t slot, const DeviceState& state) const;
  const Place& call() const { return call_; }
  const Place& faults() const { return faults_; }
  const SharedMemory& upload() const { return *upload_; }
  const SharedMemory& download() const { return *download_; }
  std::byte* input(size_t ordinal) const { return upload_->mapped() + input_offsets_[ordinal]; }
  const std::byte* output(size_t ordinal) const { return download_->mapped() + output_offsets_[ordinal]; }

 private:
  const Image& image_;
  const Memory& constants_;
  const std::vector<int64_t>& constant_offsets_;
  std::vector<int64_t> input_offsets_, output_offsets_;  // by ordinal; the last is the end
  Place call_, faults_;
  std::unique_ptr<SharedMemory> upload_, download_;
  std::unique_ptr<Memory> arena_;
};

}  // namespace sinter::vulkan
