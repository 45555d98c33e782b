#include "backends/vulkan/run/context.h"

#include <cstring>

#include "runtime/error.h"

namespace sinter::vulkan {

RunContext::RunContext(std::shared_ptr<Gpu> gpu, const Image& image, const Pipelines& pipelines,
                       const Memory& constants, const std::vector<int64_t>& constant_offsets)
    : gpu_(std::move(gpu)),
      image_(image),
      pipelines_(pipelines),
      memory_(*gpu_, image, constants, constant_offsets),
      plain_(*gpu_, image, pipelines, memory_, false) {}

std::optional<Fault> RunContext::step_once(Recording& recording, const DeviceState& state,
                                           const runtime::Call& call, uint32_t wanted_site,
                                           uint32_t wanted_position) {
  const SharedMemory &upload = memory_.upload(), &download = memory_.download();
  const CallBlock block{static_cast<uint32_t>(call.seed), static_cast<uint32_t>(call.seed >> 32), call.step,
                        wanted_site, wanted_position};
  std::memcpy(upload.mapped(), &block, sizeof block);
  if (!download.is_staged()) {
    std::memset(download.mapped(), 0, sizeof(FaultBlock));
    std::memset(download.mapped() + sizeof(FaultBlock), 0xff,
                static_cast<size_t>(memory_.faults().bytes) - sizeof(FaultBlock));
  }
  recording.run(state);
  FaultBlock found{};
  std::memcpy(&found, download.mapped(), sizeof found);
  if (found.fault == 0) return {};
  for (size_t site = 0; site < image_.faults.size(); ++site) {
    uint32_t position = 0;
    std::memcpy(&position, download.mapped() + sizeof(FaultBlock) + 4 * site, sizeof position);
    if (position != kNowhere) return Fault{site, position, found.low, found.high};
  }
  throw RuntimeError("a check failed that the program does not have");
}

std::optional<Fault> RunContext::run(const DeviceState& state, const runtime::Call& call) {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const auto bytes = static_cast<size_t>(bytes_of(image_.inputs[i]));
    if (bytes > 0) std::memcpy(memory_.input(i), call.inputs[i], bytes);
  }
  if (call.profile != nullptr && !timed_) {
    timed_ = std::make_unique<Recording>(*gpu_, image_, pipelines_, memory_, true);
  }
  Recording& recording = call.profile != nullptr ? *timed_ : plain_;
  if (const auto fault = step_once(recording, state, call, kNowhere, kNowhere)) {
    // The step has changed nothing, so it can be taken again: to fetch the value at the position that is now
    // known to be the first.
    return step_once(plain_, state, call, static_cast<uint32_t>(fault->site),
                     static_cast<uint32_t>(fault->position));
  }
  if (call.profile != nullptr) recording.write_times(*call.profile);
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    const auto bytes = static_cast<size_t>(bytes_of(image_.outputs[i]));
    if (bytes > 0) std::memcpy(call.outputs[i], memory_.output(i), bytes);
  }
  return {};
}

}  // namespace sinter::vulkan
