#include "backends/vulkan/run/context.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <utility>

#include "runtime/error.h"

namespace sinter::vulkan {

namespace {

bool operator<(const Fault& a, const Fault& b) {
  return std::pair(a.site, a.position) < std::pair(b.site, b.position);
}

}  // namespace

RunContext::RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
                       const Memory& constants, const std::vector<int64_t>& constant_offsets,
                       runtime::Communicator* communicator)
    : gpu_(std::move(gpu)),
      image_(image),
      pipelines_(pipelines),
      memory_(gpu_, image, constants, constant_offsets),
      meeting_memory_(image.meetings.empty() ? nullptr : std::make_unique<const MeetingMemory>(*gpu_, image)),
      meetings_(meeting_memory_ ? meeting_memory_->meetings() : image.meetings, communicator),
      plain_(*gpu_, image, pipelines, memory_, meeting_memory_.get(), Recording::Kind::plain) {}

// What runs uses the memory until it has ended.
RunContext::~RunContext() {
  if (running_ != nullptr) give_up();
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

void RunContext::begin(Recording& recording, const DeviceState& state) {
  memory_.use_arena(has_state_alone_ ? &state.arena() : nullptr);
  recording.prepare(state);
  state.note_started();
  running_ = &recording;
  running_on_ = &state;
}

void RunContext::end() {
  running_on_->note_ended();
  running_ = nullptr;
}

void RunContext::give_up() {
  for (const size_t meeting : open_) meetings_.end(meeting);
  open_.clear();
  try {
    running_->wait();
  } catch (const RuntimeError&) {
    // The device was lost, and runs nothing.
  }
  end();
}

void RunContext::submit(Recording& recording, const DeviceState& state, bool has_failed) {
  begin(recording, state);
  memory_.write_call(block_, has_failed);
  try {
    recording.submit(0);
  } catch (...) {
    give_up();
    throw;
  }
}

void RunContext::start(const DeviceState& state, const runtime::Call& call) {
  memory_.renew_outputs();
  bind(call);
  if (call.profile != nullptr && !timed_) {
    timed_ = std::make_unique<Recording>(*gpu_, image_, pipelines_, memory_, meeting_memory_.get(),
                                         Recording::Kind::timed);
  }
  block_ = {static_cast<uint32_t>(call.seed), static_cast<uint32_t>(call.seed >> 32), call.step, kNowhere,
            kNowhere};
  has_state_alone_ = call.has_state_alone;
  Recording& recording = call.profile != nullptr ? *timed_ : plain_;
  if (!meeting_memory_) return submit(recording, state, false);
  meet(recording, state, {call.program_mark, call.data_mark});
}

bool RunContext::wait() {
  if (meeting_memory_) return !fault_;
  try {
    running_->wait();
  } catch (...) {
    end();
    throw;
  }
  end();
  return !has_failed();
}

// The host works while the device does: it waits for a segment only where something begins after it.
void RunContext::meet(Recording& recording, const DeviceState& state, const runtime::CallMarks& marks) {
  fault_.reset();
  meetings_.start(marks);
  begin(recording, state);
  memory_.write_call(block_, false);
  try {
    for (size_t i = 0; i < image_.segments.size(); ++i) {
      const Segment& segment = image_.segments[i];
      end_meetings(segment.ends);
      recording.submit(i);
      if (segment.begins.empty() && i + 1 < image_.segments.size()) continue;
      recording.wait();
      note_fault(state, i);
      begin_meetings(segment.begins);
    }
  } catch (...) {
    give_up();
    throw;
  }
  end();
}

void RunContext::begin_meetings(const std::vector<size_t>& numbers) {
  runtime::CollectiveFault fault;
  if (fault_) fault = {static_cast<int64_t>(fault_->site), fault_->position, fault_->bits.value_or(0)};
  for (const size_t meeting : numbers) {
    meetings_.begin(meeting, fault,
                    [&](const runtime::Meeting::Place& place) { return meeting_memory_->at(place); });
    open_.push_back(meeting);
    meetings_.rethrow();
  }
}

void RunContext::end_meetings(const std::vector<size_t>& numbers) {
  for (const size_t meeting : numbers) {
    const runtime::CollectiveFault found = meetings_.end(meeting);
    open_.erase(open_.begin());
    meetings_.rethrow();
    if (found.site < 0) continue;
    const Fault fault{static_cast<size_t>(found.site), found.position, found.bits};
    if (!fault_ || fault < *fault_) fault_ = fault;
    running_->wait();
    memory_.set_failed();
  }
}

// Other ranks are told the value, too, so it is fetched at once: by the segments until here once more, which
// leave all as they have left it.
void RunContext::note_fault(const DeviceState& state, size_t segment) {
  std::optional<Fault> own = seen_fault();
  if (!own || (fault_ && !(*own < *fault_))) return;
  if (!again_) {
    again_ = std::make_unique<Recording>(*gpu_, image_, pipelines_, memory_, meeting_memory_.get(),
                                         Recording::Kind::again);
  }
  look_for(*own);
  memory_.write_call(block_, true);
  again_->prepare(state);
  for (size_t i = 0; i <= segment; ++i) again_->submit(i);
  again_->wait();
  own->bits = value_at(*own);
  fault_ = own;
}

const std::byte* RunContext::faults() const {
  return meeting_memory_ ? meeting_memory_->faults() : memory_.read_faults();
}

bool RunContext::has_failed() const {
  FaultBlock found{};
  std::memcpy(&found, faults(), sizeof found);
  return found.fault != 0;
}

std::optional<Fault> RunContext::seen_fault() const {
  if (!has_failed()) return {};
  for (size_t site = 0; site < image_.faults.size(); ++site) {
    uint32_t position = 0;
    std::memcpy(&position, faults() + sizeof(FaultBlock) + 4 * site, sizeof position);
    if (position != kNowhere) return Fault{site, position};
  }
  return {};
}

void RunContext::look_for(const Fault& fault) {
  block_.wanted_site = static_cast<uint32_t>(fault.site);
  block_.wanted_position = static_cast<uint32_t>(fault.position);
}

std::optional<int64_t> RunContext::value_at(const Fault& fault) const {
  uint32_t position = 0;
  std::memcpy(&position, faults() + sizeof(FaultBlock) + 4 * fault.site, sizeof position);
  if (position != fault.position) return {};
  FaultBlock found{};
  std::memcpy(&found, faults(), sizeof found);
  if (image_.f32_faults[fault.site])
    return std::bit_cast<int64_t>(static_cast<double>(std::bit_cast<float>(found.low)));
  return static_cast<int64_t>(static_cast<uint64_t>(found.high) << 32 | found.low);
}

// The step has changed nothing, so it can be taken again: to fetch the value at the position that is known to
// be the first. As it begins with a check that has failed, it changes nothing now either, whatever steps
// after it have made of the state; then the value may be another, or fail no check.
Fault RunContext::find_fault(const DeviceState& state) {
  if (meeting_memory_) return *fault_;
  std::optional<Fault> fault = seen_fault();
  if (!fault) throw RuntimeError("a check failed that the program does not have");
  look_for(*fault);
  submit(plain_, state, true);
  wait();
  fault->bits = value_at(*fault);
  return *fault;
}

}  // namespace sinter::vulkan
