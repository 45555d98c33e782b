#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "backends/vulkan/run/recording.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// The first check that failed, and the bits of the value found there.
struct Fault {
  size_t site = 0;
  int64_t position = 0;
  uint32_t low = 0;
  uint32_t high = 0;
};

// Memory and the recorded commands of one run at a time. A step is one submit of what the first step has
// recorded.
class RunContext final : public runtime::Context {
 public:
  RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
             const Memory& constants, const std::vector<int64_t>& constant_offsets);

  // Nothing where all checks held; then outputs are written.
  std::optional<Fault> run(const DeviceState& state, const runtime::Call& call);

 private:
  std::optional<Fault> step_once(Recording& recording, const DeviceState& state, const runtime::Call& call,
                                 uint32_t wanted_site, uint32_t wanted_position);

  std::shared_ptr<Gpu> gpu_;
  const Image& image_;
  const Pipelines& pipelines_;
  StepMemory memory_;
  Recording plain_;
  std::unique_ptr<Recording> timed_;  // once a profile was asked for
};

}  // namespace sinter::vulkan
