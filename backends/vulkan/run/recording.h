#pragma once

#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/vulkan/run/image.h"
#include "backends/vulkan/run/meeting_memory.h"
#include "backends/vulkan/run/pipelines.h"
#include "backends/vulkan/run/step_memory.h"
#include "backends/vulkan/run/timestamps.h"
#include "runtime/profile.h"

namespace sinter::vulkan {

// The commands of a step, by segment, recorded for the state that it first runs on.
class Recording {
 public:
  enum class Kind : uint8_t {
    plain,
    timed,  // launches run one after the other, and times are taken between them
    again,  // the same step once more: what other ranks may be reading stays as it is
  };

  // `meetings` is null where the image has none.
  Recording(Gpu& gpu, const Image& image, const Pipelines& pipelines, const StepMemory& memory,
            const MeetingMemory* meetings, Kind kind);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // Before the segments of a step, which are submitted in order.
  void prepare(const DeviceState& state);
  void submit(size_t segment);
  void wait();  // for all that was submitted
  void write_times(runtime::Profile& profile) const;

 private:
  void record(const DeviceState& state);
  void record_segment(size_t number, size_t first_launch, const DeviceState& state);
  void make_pool();
  void record_launch(VkCommandBuffer commands, const Launch& launch, const DeviceState& state);
  void record_dependencies(VkCommandBuffer commands, const std::vector<std::pair<Place, bool>>& accesses);
  VkDescriptorSet bindings_of(size_t kernel, const Launch& launch, const DeviceState& state);
  VkBufferView view_of(const Place& place, View::Kind kind);
  void forget_bindings();

  Gpu& gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  const StepMemory& memory_;
  const MeetingMemory* meetings_;
  bool gives_;
  std::unique_ptr<Timestamps> times_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::map<std::pair<size_t, std::vector<size_t>>, VkDescriptorSet> sets_;
  std::map<std::tuple<VkBuffer, int64_t, int64_t, View::Kind>, VkBufferView> views_;
  struct Recorded {
    explicit Recorded(Gpu& gpu) : commands(gpu) {}

    Commands commands;
    int64_t bytes_up = 0, bytes_down = 0;
  };
  std::deque<Recorded> segments_;
  size_t submitted_ = 0, ended_ = 0;              // segments
  uint64_t state_ = 0;                            // what it was recorded for: a state's id,
  std::vector<uint64_t> places_;                  // and StepMemory::ids()
  std::vector<std::pair<Place, bool>> accesses_;  // since the last barrier; the flag says that it was written
};

}  // namespace sinter::vulkan
