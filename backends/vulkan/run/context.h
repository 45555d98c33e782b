#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "backends/vulkan/run/recording.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// The first check that failed, and the bits of the value found there, where it was found again.
struct Fault {
  size_t site = 0;
  int64_t position = 0;
  bool has_value = false;
  uint32_t low = 0;
  uint32_t high = 0;
};

// Memory and the recorded commands of one call at a time. A step is one submit of what the first step has
// recorded.
class RunContext final : public runtime::Context {
 public:
  RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
             const Memory& constants, const std::vector<int64_t>& constant_offsets);
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
  void submit(Recording& recording, const DeviceState& state, bool has_failed);

  std::shared_ptr<Gpu> gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  StepMemory memory_;
  Recording plain_;
  std::unique_ptr<Recording> timed_;  // once a profile was asked for
  CallBlock block_{};
  bool has_state_alone_ = false;
  Recording* running_ = nullptr;             // what is to be waited for,
  const DeviceState* running_on_ = nullptr;  // and what it uses
};

}  // namespace sinter::vulkan
