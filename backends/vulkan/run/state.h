#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/vulkan/run/memory.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// State on the device, in one buffer or, with() others, in several.
class DeviceState final : public runtime::StateStore {
 public:
  DeviceState(std::shared_ptr<Gpu> gpu, std::vector<runtime::TensorSpec> specs);

  void set(std::string_view name, const runtime::HostTensor& value) override;
  runtime::HostTensor get(std::string_view name) const override;
  const std::vector<runtime::TensorSpec>& specs() const override { return specs_; }
  std::unique_ptr<runtime::StateStore> with(const runtime::StateStore& other,
                                            std::span<const std::string> names) const override;

  Place place_of(size_t index) const;
  Arena& arena() const { return *arena_; }
  uint64_t id() const { return id_; }  // no other state of this process has it

  // Between these a call may be using it, for which the host then waits. Any thread may call them.
  void note_started() const;
  void note_ended() const;

 private:
  struct Block {
    Block(std::shared_ptr<Gpu> of, int64_t bytes)
        : gpu(std::move(of)), memory(*gpu, Memory::Kind::device, bytes, "the state") {}

    std::shared_ptr<Gpu> gpu;
    Memory memory;
    std::atomic<int> started = 0;
  };
  struct Piece {
    std::shared_ptr<Block> block;
    int64_t offset;
  };

  DeviceState() : id_(next_id()) {}
  void settle(const Block& block) const;

  std::vector<runtime::TensorSpec> specs_;
  std::vector<Piece> pieces_;                   // by tensor
  std::vector<std::shared_ptr<Block>> blocks_;  // all of them
  std::shared_ptr<Arena> arena_;
  uint64_t id_;
};

}  // namespace sinter::vulkan
