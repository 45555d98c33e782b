#include "backends/vulkan/run/context.h"

#include <algorithm>
#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {
namespace {

constexpr uint32_t kNowhere = 0xffffffff;
constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kShader = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
constexpr VkAccessFlags kTransfer = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

bool overlap(const Place& a, const Place& b) {
  return a.buffer == b.buffer && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

}  // namespace

RunContext::RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
                       const Memory& constants, const std::vector<int64_t>& constant_offsets)
    : gpu_(std::move(gpu)),
      image_(image),
      pipelines_(pipelines),
      constants_(constants),
      constant_offsets_(constant_offsets),
      commands_(*gpu_) {
  lay_out();
}

RunContext::~RunContext() {
  vkDestroyDescriptorPool(gpu_->device(), pool_, nullptr);
}

void RunContext::lay_out() {
  const auto alignment = gpu_->buffer_alignment();
  const auto place = [&](const std::vector<runtime::TensorSpec>& specs, int64_t offset) {
    std::vector<int64_t> offsets = {offset};
    for (const auto& spec : specs) offsets.push_back(offsets.back() + aligned(bytes_of(spec), alignment));
    return offsets;
  };
  call_.bytes = sizeof(CallBlock);
  faults_.bytes = static_cast<int64_t>(sizeof(FaultBlock) + 4 * std::max<size_t>(image_.faults.size(), 1));
  input_offsets_ = place(image_.inputs, aligned(call_.bytes, alignment));
  output_offsets_ = place(image_.outputs, aligned(faults_.bytes, alignment));
  upload_ = std::make_unique<SharedMemory>(*gpu_, Memory::Kind::upload, input_offsets_.back(), "inputs");
  download_ =
      std::make_unique<SharedMemory>(*gpu_, Memory::Kind::download, output_offsets_.back(), "outputs");
  arena_ = std::make_unique<Memory>(*gpu_, Memory::Kind::device, image_.arena_bytes, "the arena");
  call_.buffer = upload_->buffer();
  faults_.buffer = download_->buffer();
}

Place RunContext::place_of(size_t index, const DeviceState& state) const {
  const Slot& slot = image_.slots[index];
  const int64_t bytes = std::max<int64_t>(slot.bytes, 4);
  switch (slot.kind) {
    case Slot::Kind::input:
      return {upload_->buffer(), input_offsets_[slot.ordinal], bytes};
    case Slot::Kind::output:
      return {download_->buffer(), output_offsets_[slot.ordinal], bytes};
    case Slot::Kind::state:
      if (slot.ordinal >= state.specs().size() || bytes_of(state.specs()[slot.ordinal]) != slot.bytes) {
        throw RuntimeError("the state belongs to another device or program");
      }
      return {state.buffer(), state.offset(slot.ordinal), bytes};
    case Slot::Kind::arena:
      return {arena_->buffer(), slot.offset, bytes};
    case Slot::Kind::constant:
      break;
  }
  return {constants_.buffer(), constant_offsets_[index], bytes};
}

VkDescriptorSet RunContext::bindings_of(const Launch& launch, const DeviceState& state) {
  const Kernel& kernel = image_.kernels[launch.kernel];
  std::vector<size_t> slots;
  for (const Binding& binding : launch.bindings) slots.push_back(binding.slot);
  VkDescriptorSet& set = sets_[{launch.kernel, slots}];
  if (set != VK_NULL_HANDLE) return set;
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = pool_;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &pipelines_.at(launch.kernel).bindings;
  check(vkAllocateDescriptorSets(gpu_->device(), &info, &set), "cannot bind buffers");
  std::vector<VkDescriptorBufferInfo> buffers;
  const auto bind = [&](const Place& place) {
    buffers.push_back(
        {place.buffer, static_cast<VkDeviceSize>(place.offset), static_cast<VkDeviceSize>(place.bytes)});
  };
  for (const size_t slot : slots) bind(place_of(slot, state));
  if (kernel.reads_call) bind(call_);
  if (kernel.uses_faults) bind(faults_);
  if (buffers.empty()) return set;
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = set;
  write.descriptorCount = static_cast<uint32_t>(buffers.size());
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  write.pBufferInfo = buffers.data();
  vkUpdateDescriptorSets(gpu_->device(), 1, &write, 0, nullptr);
  return set;
}

void RunContext::record_dependencies(VkCommandBuffer commands,
                                     const std::vector<std::pair<Place, bool>>& accesses) {
  bool conflict = false;
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

void RunContext::record_launch(VkCommandBuffer commands, const Launch& launch, const DeviceState& state) {
  const Kernel& kernel = image_.kernels[launch.kernel];
  const Pipelines::Pipeline& pipeline = pipelines_.at(launch.kernel);
  std::vector<std::pair<Place, bool>> accesses;
  for (const Binding& binding : launch.bindings) {
    Place place = place_of(binding.slot, state);
    place.offset += binding.begin;
    place.bytes = binding.end - binding.begin;
    accesses.emplace_back(place, binding.written);
  }
  if (kernel.uses_faults) accesses.emplace_back(faults_, kernel.reports_faults);
  record_dependencies(commands, accesses);
  const VkDescriptorSet set = bindings_of(launch, state);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.pipeline);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
  if (!launch.offsets.empty()) {
    vkCmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       static_cast<uint32_t>(launch.offsets.size() * 4), launch.offsets.data());
  }
  vkCmdDispatch(commands, kernel.groups[0], kernel.groups[1], 1);
}

void RunContext::record(const DeviceState& state) {
  vkDestroyDescriptorPool(gpu_->device(), pool_, nullptr);
  pool_ = VK_NULL_HANDLE;
  sets_.clear();
  accesses_.clear();
  uint32_t sets = 1, buffers = 1;
  for (const Launch& launch : image_.launches) {
    ++sets;
    buffers += binding_count(image_.kernels[launch.kernel]);
  }
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers};
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = sets;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  check(vkCreateDescriptorPool(gpu_->device(), &pool, nullptr, &pool_), "cannot bind buffers");

  VkCommandBuffer commands = commands_.begin(false);
  // Steps before this one may have been other programs on the same state.
  record_barrier(commands, kWork, kWork, kShader | kTransfer, kShader | kTransfer);
  upload_->record_copy(commands);
  if (download_->is_staged()) {
    vkCmdFillBuffer(commands, faults_.buffer, 0, sizeof(FaultBlock), 0);
    vkCmdFillBuffer(commands, faults_.buffer, sizeof(FaultBlock),
                    static_cast<VkDeviceSize>(faults_.bytes) - sizeof(FaultBlock), kNowhere);
    record_barrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, kTransfer,
                   kShader);
  }
  for (const Launch& launch : image_.launches) record_launch(commands, launch, state);
  if (download_->is_staged()) {
    record_barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                   VK_PIPELINE_STAGE_TRANSFER_BIT, kShader | kTransfer, VK_ACCESS_TRANSFER_READ_BIT);
  }
  download_->record_copy(commands);
  record_barrier(commands, kWork, VK_PIPELINE_STAGE_HOST_BIT, kShader | kTransfer, VK_ACCESS_HOST_READ_BIT);
  commands_.end();
  recorded_for_ = state.id();
  ++gpu_->stats().recordings;
}

std::optional<Fault> RunContext::step_once(const DeviceState& state, const runtime::Call& call,
                                           uint32_t wanted_site, uint32_t wanted_position) {
  const CallBlock block{static_cast<uint32_t>(call.seed), static_cast<uint32_t>(call.seed >> 32), call.step,
                        wanted_site, wanted_position};
  std::memcpy(upload_->mapped(), &block, sizeof block);
  if (!download_->is_staged()) {
    std::memset(download_->mapped(), 0, sizeof(FaultBlock));
    std::memset(download_->mapped() + sizeof(FaultBlock), 0xff,
                static_cast<size_t>(faults_.bytes) - sizeof(FaultBlock));
  }
  if (recorded_for_ != state.id()) {
    recorded_for_ = 0;
    record(state);
  }
  commands_.run();
  FaultBlock found{};
  std::memcpy(&found, download_->mapped(), sizeof found);
  if (found.fault == 0) return {};
  for (size_t site = 0; site < image_.faults.size(); ++site) {
    uint32_t position = 0;
    std::memcpy(&position, download_->mapped() + sizeof(FaultBlock) + 4 * site, sizeof position);
    if (position != kNowhere) return Fault{site, position, found.low, found.high};
  }
  throw RuntimeError("a check failed that the program does not have");
}

std::optional<Fault> RunContext::run(const DeviceState& state, const runtime::Call& call) {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const auto bytes = static_cast<size_t>(bytes_of(image_.inputs[i]));
    if (bytes > 0) std::memcpy(upload_->mapped() + input_offsets_[i], call.inputs[i], bytes);
  }
  if (const auto fault = step_once(state, call, kNowhere, kNowhere)) {
    // The step has changed nothing, so it can be taken again: to fetch the value at the position that is now
    // known to be the first.
    return step_once(state, call, static_cast<uint32_t>(fault->site), static_cast<uint32_t>(fault->position));
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    const auto bytes = static_cast<size_t>(bytes_of(image_.outputs[i]));
    if (bytes > 0) std::memcpy(call.outputs[i], download_->mapped() + output_offsets_[i], bytes);
  }
  return {};
}

}  // namespace sinter::vulkan
