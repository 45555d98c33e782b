#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/vulkan/run/image.h"
#include "backends/vulkan/run/pipelines.h"
#include "backends/vulkan/run/step_memory.h"
#include "backends/vulkan/run/timestamps.h"
#include "runtime/profile.h"

namespace sinter::vulkan {

// The commands of a step, recorded for the state that it first runs on.
class Recording {
 public:
  // With `timed`, launches run one after the other, and times are taken between them.
  Recording(Gpu& gpu, const Image& image, const Pipelines& pipelines, const StepMemory& memory, bool timed);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  void submit(const DeviceState& state);
  void wait();  // once for each submit
  void write_times(runtime::Profile& profile) const;

 private:
  void record(const DeviceState& state);
  void make_pool();
  void record_launch(VkCommandBuffer commands, const Launch& launch, const DeviceState& state);
  void record_dependencies(VkCommandBuffer commands, const std::vector<std::pair<Place, bool>>& accesses);
  VkDescriptorSet bindings_of(const Launch& launch, const DeviceState& state);
  VkBufferView view_of(const Place& place, View::Kind kind);
  void forget_bindings();

  Gpu& gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  const StepMemory& memory_;
  std::unique_ptr<Timestamps> times_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::map<std::pair<size_t, std::vector<size_t>>, VkDescriptorSet> sets_;
  std::map<std::tuple<VkBuffer, int64_t, int64_t, View::Kind>, VkBufferView> views_;
  Commands commands_;
  uint64_t state_ = 0;            // what it was recorded for: a state's id,
  std::vector<uint64_t> places_;  // and StepMemory::ids()
  int64_t bytes_up_ = 0, bytes_down_ = 0;
  std::vector<std::pair<Place, bool>> accesses_;  // since the last barrier; the flag says that it was written
};

}  // namespace sinter::vulkan
