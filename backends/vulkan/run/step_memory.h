#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/vulkan/run/image.h"
#include "backends/vulkan/run/memory.h"
#include "backends/vulkan/run/state.h"
#include "backends/vulkan/run/tensor_buffer.h"

namespace sinter::vulkan {

// What shaders see as Call and as Faults; the sites' first positions follow.
struct CallBlock {
  uint32_t seed_low, seed_high, step, wanted_site, wanted_position;
};
struct FaultBlock {
  uint32_t fault, low, high;
};

constexpr uint32_t kNowhere = 0xffffffff;  // where a site's check first failed, if it held

// The memory of one call at a time: a block of call, small inputs, faults and small outputs in this order,
// each large input and output by itself, and an arena, which may be shared. Where the host does not see the
// device's memory, each step copies the block's beginning up and its end down, besides the large inputs; a
// large output is copied when it is asked for.
class StepMemory {
 public:
  static constexpr int64_t kSmall = int64_t{64} << 10;

  StepMemory(std::shared_ptr<Gpu> gpu, const Image& image, const Memory& constants,
             const std::vector<int64_t>& constant_offsets);

  Place place_of(size_t slot, const DeviceState& state) const;
  Place call() const { return in_block(0, sizeof(CallBlock)); }
  Place faults() const { return in_block(faults_, fault_bytes(image_)); }
  // What tells whether places are still the same: by input, then by output, then of the arena.
  const std::vector<uint64_t>& ids() const { return ids_; }

  // Before a step.
  void write_call(const CallBlock& call, bool has_failed);
  // In a step of which nothing runs: from here on it writes no state.
  void set_failed();
  bool has_faults() const { return has_faults_; }  // that a kernel looks at
  static int64_t fault_bytes(const Image& image);
  // After it: FaultBlock and positions.
  const std::byte* read_faults() const { return host_outputs() + faults_; }

  // An input in memory of its own, made when it is first asked for, for the host to write.
  std::byte* input(size_t ordinal);
  // What the next steps read in its place; null: its own memory.
  void bind(size_t ordinal, const TensorBuffer* buffer);

  // Where the next steps have their arena; null: in memory of their own.
  void use_arena(Arena* shared);

  // Of the last step.
  const std::byte* output(size_t ordinal);
  std::shared_ptr<const TensorBuffer> output_buffer(size_t ordinal) const { return outputs_[ordinal].buffer; }
  std::shared_ptr<const TensorBuffer> keep_output(size_t ordinal);
  // Before a step: those that are kept stay as they are, and what was fetched is out of date.
  void renew_outputs();

  // Of what the host does not see, in bytes: what record_upload returns, and what record_download copies.
  int64_t record_upload(VkCommandBuffer commands) const;
  int64_t bytes_down() const { return is_staged() ? end_ - download_begin() : 0; }
  void record_download(VkCommandBuffer commands) const;

 private:
  struct In {
    int64_t offset = -1;  // in the block; -1: by itself
    std::unique_ptr<const Memory> device, host;
    uint64_t id = 0;
    const TensorBuffer* bound = nullptr;
  };
  struct Out {
    int64_t offset = -1;
    std::shared_ptr<const TensorBuffer> buffer;
    std::weak_ptr<const TensorBuffer> kept;
    std::unique_ptr<const Memory> host;
    bool is_fetched = true;  // before the first step, zeros
  };

  void lay_out();
  std::shared_ptr<const TensorBuffer> make_output(const runtime::TensorSpec& spec) const;
  Place in_block(int64_t offset, int64_t bytes) const { return {block_->buffer(), offset, bytes}; }
  bool is_staged() const { return block_->mapped() == nullptr; }
  int64_t download_begin() const { return has_faults_ ? faults_ : outputs_begin_; }
  std::byte* host_inputs() const { return is_staged() ? upload_->mapped() : block_->mapped(); }
  // So that what is at an offset in the block is there too.
  std::byte* host_outputs() const { return is_staged() ? download_->mapped() - faults_ : block_->mapped(); }

  std::shared_ptr<Gpu> gpu_;
  const Image& image_;
  const Memory& constants_;
  const std::vector<int64_t>& constant_offsets_;
  bool has_call_ = false, has_faults_ = false;  // that a kernel looks at
  bool has_run_ = false;
  std::vector<In> inputs_;
  std::vector<Out> outputs_;
  std::vector<uint64_t> ids_;
  int64_t faults_ = 0, outputs_begin_ = 0, end_ = 0;  // in the block
  std::shared_ptr<const Memory> block_;
  std::unique_ptr<const Memory> upload_, download_;  // the host's copies of the block's beginning and end
  Arena own_arena_;
  VkBuffer arena_ = VK_NULL_HANDLE;
};

}  // namespace sinter::vulkan
