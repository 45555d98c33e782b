#include "backends/vulkan/run/context.h"

#include <fmt/format.h>

#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {

RunContext::RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
                       const Memory& constants, const std::vector<int64_t>& constant_offsets)
    : gpu_(std::move(gpu)),
      image_(image),
      pipelines_(pipelines),
      memory_(gpu_, image, constants, constant_offsets),
      plain_(*gpu_, image, pipelines, memory_, false) {}

// What runs uses the memory until it has ended.
RunContext::~RunContext() {
  if (running_ == nullptr) return;
  try {
    wait();
  } catch (const RuntimeError&) {
    // The device was lost, and runs nothing.
  }
}

void RunContext::bind(const runtime::Call& call) {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const runtime::DeviceBuffer* bound = call.bound.empty() ? nullptr : call.bound[i];
    const auto* buffer = dynamic_cast<const TensorBuffer*>(bound);
    if (bound != nullptr && (buffer == nullptr || &buffer->device() != &gpu_->logical())) {
      throw RuntimeError(fmt::format("input '{}' lies on another device", image_.inputs[i].name));
    }
    memory_.bind(i, buffer);
    const auto bytes = static_cast<size_t>(bytes_of(image_.inputs[i]));
    if (buffer != nullptr || bytes == 0 || call.inputs[i] == nullptr) continue;
    std::byte* own = memory_.input(i);
    if (call.inputs[i] != own) std::memcpy(own, call.inputs[i], bytes);
  }
}

void RunContext::submit(Recording& recording, const DeviceState& state, bool has_failed) {
  memory_.use_arena(has_state_alone_ ? &state.arena() : nullptr);
  memory_.write_call(block_, has_failed);
  state.note_started();
  try {
    recording.submit(state);
  } catch (...) {
    state.note_ended();
    throw;
  }
  running_ = &recording;
  running_on_ = &state;
}

void RunContext::start(const DeviceState& state, const runtime::Call& call) {
  memory_.renew_outputs();
  bind(call);
  if (call.profile != nullptr && !timed_) {
    timed_ = std::make_unique<Recording>(*gpu_, image_, pipelines_, memory_, true);
  }
  block_ = {static_cast<uint32_t>(call.seed), static_cast<uint32_t>(call.seed >> 32), call.step, kNowhere,
            kNowhere};
  has_state_alone_ = call.has_state_alone;
  submit(call.profile != nullptr ? *timed_ : plain_, state, false);
}

bool RunContext::wait() {
  struct Ending {
    RunContext& context;
    ~Ending() {
      context.running_on_->note_ended();
      context.running_ = nullptr;
    }
  };
  {
    const Ending ending{*this};
    running_->wait();
  }
  FaultBlock found{};
  std::memcpy(&found, memory_.read_faults(), sizeof found);
  return found.fault == 0;
}

// The step has changed nothing, so it can be taken again: to fetch the value at the position that is known to
// be the first. As it begins with a check that has failed, it changes nothing now either, whatever steps
// after it have made of the state; then the value may be another, or fail no check.
Fault RunContext::find_fault(const DeviceState& state) {
  Fault fault;
  const auto first = [&](size_t site) {
    uint32_t position = 0;
    std::memcpy(&position, memory_.read_faults() + sizeof(FaultBlock) + 4 * site, sizeof position);
    return position;
  };
  while (fault.site < image_.faults.size() && first(fault.site) == kNowhere) ++fault.site;
  if (fault.site == image_.faults.size()) {
    throw RuntimeError("a check failed that the program does not have");
  }
  const uint32_t position = first(fault.site);
  fault.position = position;
  block_.wanted_site = static_cast<uint32_t>(fault.site);
  block_.wanted_position = position;
  submit(plain_, state, true);
  wait();
  FaultBlock found{};
  std::memcpy(&found, memory_.read_faults(), sizeof found);
  fault.has_value = first(fault.site) == position;
  fault.low = found.low;
  fault.high = found.high;
  return fault;
}

}  // namespace sinter::vulkan
