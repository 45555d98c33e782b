#include "backends/vulkan/run/recording.h"

#include <algorithm>

namespace sinter::vulkan {
namespace {

constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kShader = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
constexpr VkAccessFlags kTransfer = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

bool overlap(const Place& a, const Place& b) {
  return a.buffer == b.buffer && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

}  // namespace

Recording::Recording(Gpu& gpu, const Image& image, const Pipelines& pipelines, const StepMemory& memory,
                     const MeetingMemory* meetings, Kind kind)
    : gpu_(gpu),
      image_(image),
      pipelines_(pipelines),
      memory_(memory),
      meetings_(meetings),
      gives_(kind != Kind::again) {
  for (size_t i = 0; i < image.segments.size(); ++i) segments_.emplace_back(gpu);
  // Before each segment, and after each launch.
  const size_t times = image.segments.size() + image.launches.size();
  if (kind == Kind::timed) times_ = std::make_unique<Timestamps>(gpu, static_cast<uint32_t>(times));
}

Recording::~Recording() {
  forget_bindings();
}

void Recording::forget_bindings() {
  vkDestroyDescriptorPool(gpu_.device(), pool_, nullptr);
  pool_ = VK_NULL_HANDLE;
  sets_.clear();
  for (const auto& [key, view] : views_) vkDestroyBufferView(gpu_.device(), view, nullptr);
  views_.clear();
}

void Recording::prepare(const DeviceState& state) {
  submitted_ = ended_ = 0;
  if (state_ != state.id() || places_ != memory_.ids()) {
    state_ = 0;
    record(state);
    state_ = state.id();
    places_ = memory_.ids();
  }
}

void Recording::submit(size_t segment) {
  Recorded& recorded = segments_[segment];
  recorded.commands.submit();
  ++submitted_;
  gpu_.stats().bytes_up += recorded.bytes_up;
  gpu_.stats().bytes_down += recorded.bytes_down;
}

void Recording::wait() {
  while (ended_ < submitted_) segments_[ended_++].commands.wait();
}

// The device's clock is moved to the host's so that the last launch ends now.
void Recording::write_times(runtime::Profile& profile) const {
  const std::vector<int64_t> times = times_->read();
  if (times.empty()) return;
  const int64_t start = runtime::Profile::now() - times.back();
  size_t launch = 0, time = 0;
  for (const Segment& segment : image_.segments) {
    for (size_t i = 0; i < segment.launches; ++i, ++launch, ++time) {
      profile.add_launch(image_.infos[image_.launches[launch].info], start + times[time],
                         start + times[time + 1]);
    }
    ++time;
  }
}

VkBufferView Recording::view_of(const Place& place, View::Kind kind) {
  VkBufferView& view = views_[{place.buffer, place.offset, place.bytes, kind}];
  if (view != VK_NULL_HANDLE) return view;
  VkBufferViewCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
  info.buffer = place.buffer;
  info.format = kind == View::Kind::texels_f32   ? VK_FORMAT_R32_SFLOAT
                : kind == View::Kind::texels_i32 ? VK_FORMAT_R32_SINT
                                                 : VK_FORMAT_R32G32B32A32_SFLOAT;
  const int64_t texel = kind == View::Kind::texels_f32_by_4 ? 16 : 4;
  info.offset = static_cast<VkDeviceSize>(place.offset);
  info.range = static_cast<VkDeviceSize>(place.bytes / texel * texel);
  check(vkCreateBufferView(gpu_.device(), &info, nullptr, &view), "cannot bind buffers");
  return view;
}

VkDescriptorSet Recording::bindings_of(size_t number, const Launch& launch, const DeviceState& state) {
  const Kernel& kernel = image_.kernels[number];
  std::vector<size_t> slots;
  for (const Binding& binding : launch.bindings) slots.push_back(binding.slot);
  VkDescriptorSet& set = sets_[{number, slots}];
  if (set != VK_NULL_HANDLE) return set;
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = pool_;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &pipelines_.at(number).bindings;
  check(vkAllocateDescriptorSets(gpu_.device(), &info, &set), "cannot bind buffers");
  const std::vector<VkDescriptorType> types = descriptor_types(kernel);
  std::vector<VkDescriptorBufferInfo> buffers(types.size());
  std::vector<VkBufferView> views(types.size());
  std::vector<VkWriteDescriptorSet> writes;
  const auto bind = [&](const Place& place, View::Kind kind) {
    const size_t binding = writes.size();
    if (kind != View::Kind::storage) views[binding] = view_of(place, kind);
    buffers[binding] = {place.buffer, static_cast<VkDeviceSize>(place.offset),
                        static_cast<VkDeviceSize>(aligned(place.bytes, kWord))};
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = set;
    write.dstBinding = static_cast<uint32_t>(binding);
    write.descriptorCount = 1;
    write.descriptorType = types[binding];
    write.pBufferInfo = &buffers[binding];
    write.pTexelBufferView = &views[binding];
    writes.push_back(write);
  };
  for (const View& view : kernel.views) bind(memory_.place_of(slots[view.argument], state), view.kind);
  if (kernel.reads_call) bind(memory_.call(), View::Kind::storage);
  if (kernel.uses_faults) bind(memory_.faults(), View::Kind::storage);
  vkUpdateDescriptorSets(gpu_.device(), static_cast<uint32_t>(writes.size()), writes.data(), 0, nullptr);
  return set;
}

void Recording::record_dependencies(VkCommandBuffer commands,
                                    const std::vector<std::pair<Place, bool>>& accesses) {
  bool conflict = times_ != nullptr;
  for (const auto& [now, is_written] : accesses) {
    for (const auto& [before, was_written] : accesses_) {
      conflict = conflict || ((is_written || was_written) && overlap(now, before));
    }
  }
  if (conflict) {
    record_barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                   kShader, kShader);
    accesses_.clear();
  }
  accesses_.insert(accesses_.end(), accesses.begin(), accesses.end());
}

void Recording::record_launch(VkCommandBuffer commands, const Launch& launch, const DeviceState& state) {
  std::vector<std::pair<Place, bool>> accesses;
  for (const Binding& binding : launch.bindings) {
    Place place = memory_.place_of(binding.slot, state);
    place.offset += binding.begin;
    place.bytes = binding.end - binding.begin;
    accesses.emplace_back(place, binding.written);
  }
  for (const Dispatch& dispatch : launch.dispatches) {
    const Kernel& kernel = image_.kernels[dispatch.kernel];
    if (kernel.uses_faults) accesses.emplace_back(memory_.faults(), kernel.reports_faults);
  }
  record_dependencies(commands, accesses);
  for (const auto& [kernel, groups] : launch.dispatches) {
    const Pipelines::Pipeline& pipeline = pipelines_.at(kernel);
    const VkDescriptorSet set = bindings_of(kernel, launch, state);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0,
                            nullptr);
    if (!launch.offsets.empty()) {
      vkCmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                         static_cast<uint32_t>(launch.offsets.size() * 4), launch.offsets.data());
    }
    vkCmdDispatch(commands, groups[0], groups[1], 1);
  }
}

void Recording::make_pool() {
  uint32_t sets = 1;
  VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1},
                                  {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 1}};
  for (const Launch& launch : image_.launches) {
    for (const Dispatch& dispatch : launch.dispatches) {
      ++sets;
      for (const VkDescriptorType type : descriptor_types(image_.kernels[dispatch.kernel]))
        ++(type == sizes[0].type ? sizes[0] : sizes[1]).descriptorCount;
    }
  }
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = sets;
  pool.poolSizeCount = 2;
  pool.pPoolSizes = sizes;
  check(vkCreateDescriptorPool(gpu_.device(), &pool, nullptr, &pool_), "cannot bind buffers");
}

void Recording::record(const DeviceState& state) {
  forget_bindings();
  make_pool();
  size_t launch = 0;
  for (size_t i = 0; i < segments_.size(); ++i) {
    record_segment(i, launch, state);
    launch += image_.segments[i].launches;
  }
  ++gpu_.stats().recordings;
}

void Recording::record_segment(size_t number, size_t first_launch, const DeviceState& state) {
  const Segment& segment = image_.segments[number];
  Recorded& recorded = segments_[number];
  int64_t &bytes_up = recorded.bytes_up, &bytes_down = recorded.bytes_down;
  bytes_up = bytes_down = 0;
  accesses_.clear();
  VkCommandBuffer commands = recorded.commands.begin(false);
  // Steps before this one may have been other programs on the same state.
  record_barrier(commands, kWork, kWork, kShader | kTransfer, kShader | kTransfer);
  if (times_ && number == 0) times_->record_reset(commands);
  if (number == 0) bytes_up = memory_.record_upload(commands);
  for (const size_t meeting : segment.ends)
    bytes_up += meetings_->record_results(commands, meeting, memory_, state);
  if (bytes_up > 0) {
    record_barrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, kTransfer,
                   kShader);
  }
  auto time = static_cast<uint32_t>(first_launch + number);
  if (times_) times_->record(commands, time);
  for (size_t i = 0; i < segment.launches; ++i) {
    record_launch(commands, image_.launches[first_launch + i], state);
    if (times_) times_->record(commands, ++time);
  }
  const bool downloads = number + 1 == segments_.size() && memory_.bytes_down() > 0;
  if (downloads || meetings_ != nullptr) {
    record_barrier(commands, kWork, VK_PIPELINE_STAGE_TRANSFER_BIT, kShader | kTransfer,
                   VK_ACCESS_TRANSFER_READ_BIT);
  }
  if (meetings_ != nullptr) {
    bytes_down += meetings_->record_faults(commands, memory_);
    if (gives_) {
      for (const size_t meeting : segment.begins)
        bytes_down += meetings_->record_operands(commands, meeting, memory_, state);
    }
  }
  if (downloads) {
    bytes_down += memory_.bytes_down();
    memory_.record_download(commands);
  }
  record_barrier(commands, kWork, VK_PIPELINE_STAGE_HOST_BIT, kShader | kTransfer, VK_ACCESS_HOST_READ_BIT);
  recorded.commands.end();
}

}  // namespace sinter::vulkan
