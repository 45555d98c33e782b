#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "backends/vulkan/run/image.h"
#include "backends/vulkan/run/memory.h"
#include "backends/vulkan/run/pipelines.h"
#include "backends/vulkan/run/state.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// A piece of a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  int64_t offset = 0;
  int64_t bytes = 0;
};

// The first check that failed, and the bits of the value found there.
struct Fault {
  size_t site = 0;
  int64_t position = 0;
  uint32_t low = 0;
  uint32_t high = 0;
};

// Memory, bindings and the recorded commands of one run at a time. A step is one submit of what the first
// step has recorded.
class RunContext final : public runtime::Context {
 public:
  RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
             const Memory& constants, const std::vector<int64_t>& constant_offsets);
  ~RunContext() override;

  // Nothing where all checks held; then outputs are written.
  std::optional<Fault> run(const DeviceState& state, const runtime::Call& call);

 private:
  // What shaders see as Call and as Faults; the sites' first positions follow.
  struct CallBlock {
    uint32_t seed_low, seed_high, step, wanted_site, wanted_position;
  };
  struct FaultBlock {
    uint32_t fault, low, high;
  };

  void lay_out();
  void record(const DeviceState& state);
  void record_launch(VkCommandBuffer commands, const Launch& launch, const DeviceState& state);
  void record_dependencies(VkCommandBuffer commands, const std::vector<std::pair<Place, bool>>& accesses);
  VkDescriptorSet bindings_of(const Launch& launch, const DeviceState& state);
  Place place_of(size_t slot, const DeviceState& state) const;
  std::optional<Fault> step_once(const DeviceState& state, const runtime::Call& call, uint32_t wanted_site,
                                 uint32_t wanted_position);
  const uint32_t* first_positions() const;

  std::shared_ptr<Gpu> gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  const Memory& constants_;
  const std::vector<int64_t>& constant_offsets_;

  std::vector<int64_t> input_offsets_, output_offsets_;  // by ordinal; the last is the end
  Place call_, faults_;
  std::unique_ptr<SharedMemory> upload_, download_;
  std::unique_ptr<Memory> arena_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::map<std::pair<size_t, std::vector<size_t>>, VkDescriptorSet> sets_;
  Commands commands_;
  uint64_t recorded_for_ = 0;                     // a state's id
  std::vector<std::pair<Place, bool>> accesses_;  // since the last barrier; the flag says that it was written
};

}  // namespace sinter::vulkan
