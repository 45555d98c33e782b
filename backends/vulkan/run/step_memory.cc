#include "backends/vulkan/run/step_memory.h"

#include <algorithm>
#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {

using runtime::Slot;

namespace {

void copy_whole(VkCommandBuffer commands, const Memory& from, const Memory& to, int64_t bytes) {
  const VkBufferCopy region{0, 0, static_cast<VkDeviceSize>(bytes)};
  vkCmdCopyBuffer(commands, from.buffer(), to.buffer(), 1, &region);
}

// Ranks that make something together read them, to compare what they were given.
Memory::Kind kind_of_inputs(const Image& image) {
  return image.meetings.empty() ? Memory::Kind::upload : Memory::Kind::download;
}

}  // namespace

StepMemory::StepMemory(std::shared_ptr<Gpu> gpu, const Image& image, const Memory& constants,
                       const std::vector<int64_t>& constant_offsets)
    : gpu_(std::move(gpu)),
      image_(image),
      constants_(constants),
      constant_offsets_(constant_offsets),
      inputs_(image.inputs.size()),
      outputs_(image.outputs.size()),
      ids_(image.inputs.size() + image.outputs.size() + 1, 0),
      own_arena_(gpu_) {
  for (const Kernel& kernel : image.kernels) {
    has_call_ = has_call_ || kernel.reads_call;
    has_faults_ = has_faults_ || kernel.uses_faults;
  }
  lay_out();
  block_ = std::make_shared<const Memory>(*gpu_, Memory::Kind::device, end_, "inputs and outputs");
  if (is_staged()) {
    upload_ = std::make_unique<const Memory>(*gpu_, kind_of_inputs(image_), outputs_begin_, "inputs");
    download_ = std::make_unique<const Memory>(*gpu_, Memory::Kind::download, end_ - faults_, "outputs");
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const runtime::TensorSpec& spec = image.outputs[i];
    Out& out = outputs_[i];
    out.buffer = out.offset < 0
                     ? make_output(spec)
                     : std::make_shared<const TensorBuffer>(gpu_, block_, out.offset, spec.dtype, spec.shape);
    ids_[inputs_.size() + i] = out.buffer->id();
  }
}

void StepMemory::lay_out() {
  const int64_t alignment = gpu_->buffer_alignment();
  int64_t end = aligned(sizeof(CallBlock), alignment);
  const auto place = [&](int64_t bytes) {
    if (bytes > kSmall) return int64_t{-1};
    const int64_t offset = end;
    end += aligned(bytes, alignment);
    return offset;
  };
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].offset = place(bytes_of(image_.inputs[i]));
  faults_ = end;
  end += aligned(fault_bytes(image_), alignment);
  outputs_begin_ = end;
  for (size_t i = 0; i < outputs_.size(); ++i) outputs_[i].offset = place(bytes_of(image_.outputs[i]));
  end_ = end;
}

int64_t StepMemory::fault_bytes(const Image& image) {
  return static_cast<int64_t>(sizeof(FaultBlock) + 4 * std::max<size_t>(image.faults.size(), 1));
}

std::shared_ptr<const TensorBuffer> StepMemory::make_output(const runtime::TensorSpec& spec) const {
  auto memory = std::make_shared<const Memory>(*gpu_, Memory::Kind::device, bytes_of(spec), "an output");
  return std::make_shared<const TensorBuffer>(gpu_, std::move(memory), 0, spec.dtype, spec.shape);
}

Place StepMemory::place_of(size_t index, const DeviceState& state) const {
  const Slot& slot = image_.slots[index];
  const int64_t bytes = std::max<int64_t>(slot.bytes, 4);
  switch (slot.kind) {
    case Slot::Kind::input: {
      const In& in = inputs_[slot.ordinal];
      if (in.bound != nullptr) return {in.bound->place().buffer, in.bound->place().offset, bytes};
      if (in.offset < 0) return {in.device->buffer(), 0, bytes};
      return in_block(in.offset, bytes);
    }
    case Slot::Kind::output: {
      const Place& place = outputs_[slot.ordinal].buffer->place();
      return {place.buffer, place.offset, bytes};
    }
    case Slot::Kind::state:
      if (slot.ordinal >= state.specs().size() || bytes_of(state.specs()[slot.ordinal]) != slot.bytes) {
        throw RuntimeError("the state belongs to another device or program");
      }
      return {state.place_of(slot.ordinal).buffer, state.place_of(slot.ordinal).offset, bytes};
    case Slot::Kind::arena:
      return {arena_, slot.offset, bytes};
    case Slot::Kind::constant:
      break;
  }
  return {constants_.buffer(), constant_offsets_[index], bytes};
}

void StepMemory::write_call(const CallBlock& call, bool has_failed) {
  std::memcpy(host_inputs(), &call, sizeof call);
  std::byte* faults = host_inputs() + faults_;
  const FaultBlock begin{has_failed ? 1u : 0u, 0, 0};
  std::memcpy(faults, &begin, sizeof begin);
  std::memset(faults + sizeof begin, 0xff, static_cast<size_t>(fault_bytes(image_)) - sizeof begin);
}

void StepMemory::set_failed() {
  const uint32_t failed = 1;
  const auto* bytes = reinterpret_cast<const std::byte*>(&failed);
  if (is_staged()) return copy_up(*gpu_, bytes, in_block(faults_, sizeof failed));
  std::memcpy(block_->mapped() + faults_, bytes, sizeof failed);
}

std::byte* StepMemory::input(size_t ordinal) {
  In& in = inputs_[ordinal];
  if (in.offset >= 0) return host_inputs() + in.offset;
  if (!in.device) {
    const int64_t bytes = bytes_of(image_.inputs[ordinal]);
    auto device = std::make_unique<const Memory>(*gpu_, Memory::Kind::device, bytes, "an input");
    if (device->mapped() == nullptr) {
      in.host = std::make_unique<const Memory>(*gpu_, kind_of_inputs(image_), bytes, "an input");
    }
    in.device = std::move(device);
    in.id = next_id();
  }
  return in.host ? in.host->mapped() : in.device->mapped();
}

void StepMemory::bind(size_t ordinal, const TensorBuffer* buffer) {
  In& in = inputs_[ordinal];
  if (buffer == nullptr) input(ordinal);
  in.bound = buffer;
  ids_[ordinal] = buffer != nullptr ? buffer->id() : in.id;
}

void StepMemory::use_arena(Arena* shared) {
  Arena& arena = shared != nullptr ? *shared : own_arena_;
  arena.reserve(image_.arena_bytes);
  arena_ = arena.buffer();
  ids_.back() = arena.id();
}

const std::byte* StepMemory::output(size_t ordinal) {
  Out& out = outputs_[ordinal];
  if (out.offset >= 0) return host_outputs() + out.offset;
  if (std::byte* mapped = out.buffer->mapped()) return mapped;
  const int64_t bytes = out.buffer->place().bytes;
  if (!out.host) {
    out.host = std::make_unique<const Memory>(*gpu_, Memory::Kind::download, bytes, "a copy of an output");
  }
  if (!out.is_fetched) copy_down(*gpu_, out.buffer->place(), *out.host);
  out.is_fetched = true;
  return out.host->mapped();
}

std::shared_ptr<const TensorBuffer> StepMemory::keep_output(size_t ordinal) {
  Out& out = outputs_[ordinal];
  if (out.offset >= 0 || !is_staged() || !has_run_) return nullptr;
  auto kept = out.kept.lock();
  if (!kept) out.kept = kept = std::make_shared<const TensorBuffer>(*out.buffer);
  return kept;
}

void StepMemory::renew_outputs() {
  has_run_ = true;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Out& out = outputs_[i];
    out.is_fetched = false;
    if (out.kept.expired()) continue;
    out.buffer = make_output(image_.outputs[i]);
    out.kept.reset();
    ids_[inputs_.size() + i] = out.buffer->id();
  }
}

int64_t StepMemory::record_upload(VkCommandBuffer commands) const {
  if (!is_staged()) return 0;
  std::vector<VkBufferCopy> regions;
  int64_t bytes = 0;
  // What lies side by side is one region.
  const auto copy = [&](int64_t begin, int64_t end) {
    const auto from = static_cast<VkDeviceSize>(begin), size = static_cast<VkDeviceSize>(end - begin);
    bytes += end - begin;
    if (!regions.empty() && regions.back().srcOffset + regions.back().size == from) {
      regions.back().size += size;
    } else {
      regions.push_back({from, from, size});
    }
  };
  const int64_t alignment = gpu_->buffer_alignment();
  if (has_call_) copy(0, aligned(sizeof(CallBlock), alignment));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const In& in = inputs_[i];
    const int64_t size = bytes_of(image_.inputs[i]);
    if (in.bound != nullptr || size == 0) continue;
    if (in.offset >= 0) {
      copy(in.offset, in.offset + aligned(size, alignment));
    } else {
      copy_whole(commands, *in.host, *in.device, size);
      bytes += size;
    }
  }
  if (has_faults_) copy(faults_, outputs_begin_);
  if (!regions.empty()) {
    vkCmdCopyBuffer(commands, upload_->buffer(), block_->buffer(), static_cast<uint32_t>(regions.size()),
                    regions.data());
  }
  return bytes;
}

void StepMemory::record_download(VkCommandBuffer commands) const {
  const int64_t begin = download_begin();
  const VkBufferCopy region{static_cast<VkDeviceSize>(begin), static_cast<VkDeviceSize>(begin - faults_),
                            static_cast<VkDeviceSize>(end_ - begin)};
  vkCmdCopyBuffer(commands, block_->buffer(), download_->buffer(), 1, &region);
}

}  // namespace sinter::vulkan
