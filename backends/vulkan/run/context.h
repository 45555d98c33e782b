#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "backends/vulkan/run/recording.h"
#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// The first check that failed, and the value found there as runtime::raise_fault takes it, where it was found
// again.
struct Fault {
  size_t site = 0;
  int64_t position = 0;
  std::optional<int64_t> bits = {};
};

// Memory and the recorded commands of one call at a time. A step is one submit of what the first step has
// recorded; where ranks make something together it is a submit for each segment, and has ended when start()
// returns.
class RunContext final : public runtime::Context {
 public:
  RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
             const Memory& constants, const std::vector<int64_t>& constant_offsets,
             runtime::Communicator* communicator);
  ~RunContext() override;

  bool has_memory() const override { return true; }
  void* input(size_t ordinal) override { return memory_.input(ordinal); }
  const void* output(size_t ordinal) override { return memory_.output(ordinal); }
  std::shared_ptr<const runtime::DeviceBuffer> output_buffer(size_t ordinal) override {
    return memory_.output_buffer(ordinal);
  }
  std::shared_ptr<const runtime::DeviceBuffer> keep_output(size_t ordinal) override {
    return memory_.keep_output(ordinal);
  }

  void start(const DeviceState& state, const runtime::Call& call);
  bool wait();  // whether all checks held
  // What did not in the step waited for.
  Fault find_fault(const DeviceState& state);
  void write_times(runtime::Profile& profile) const { timed_->write_times(profile); }

 private:
  void bind(const runtime::Call& call);
  void begin(Recording& recording, const DeviceState& state);
  void end();
  void give_up();
  void submit(Recording& recording, const DeviceState& state, bool has_failed);

  void meet(Recording& recording, const DeviceState& state, const runtime::CallMarks& marks);
  void begin_meetings(const std::vector<size_t>& numbers);
  void end_meetings(const std::vector<size_t>& numbers);
  void note_fault(const DeviceState& state, size_t segment);

  const std::byte* faults() const;
  bool has_failed() const;
  std::optional<Fault> seen_fault() const;
  void look_for(const Fault& fault);
  std::optional<int64_t> value_at(const Fault& fault) const;

  std::shared_ptr<Gpu> gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  StepMemory memory_;
  std::unique_ptr<const MeetingMemory> meeting_memory_;  // null: no meetings
  runtime::Meetings meetings_;
  std::vector<size_t> open_;    // meetings that have begun
  std::optional<Fault> fault_;  // of a step with meetings: the first of all ranks, as far as they have met
  Recording plain_;
  std::unique_ptr<Recording> timed_;  // once a profile was asked for
  std::unique_ptr<Recording> again_;  // once a check of a step with meetings has failed
  CallBlock block_{};
  bool has_state_alone_ = false;
  Recording* running_ = nullptr;             // what is to be waited for,
  const DeviceState* running_on_ = nullptr;  // and what it uses
};

}  // namespace sinter::vulkan
