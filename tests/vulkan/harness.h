#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/vulkan/run/gpu.h"
#include "ir/graph/graph.h"
#include "runtime/executable.h"
#include "tests/support/discrete.h"

namespace sinter::vulkan::test {

// A device that the validation layer watches where it is installed: whatever it says fails the current test.
std::shared_ptr<Gpu> watched_gpu();
// The same, with inputs and outputs copied as for a device with memory of its own.
std::shared_ptr<Gpu> staging_gpu();

// For as long as this lives, programs compiled for "vulkan" have such a device.
class StagingByName {
 public:
  StagingByName();
  ~StagingByName();
  StagingByName(const StagingByName&) = delete;
  StagingByName& operator=(const StagingByName&) = delete;
};

template <typename T>
std::span<T> elements(runtime::HostTensor& tensor) {
  return {tensor.data<T>(), static_cast<size_t>(tensor.size())};
}

// Function "f" of a graph in text form, ready to run on a device. Inputs are drawn from a seed: floats around
// 0, integers in [0, 3), bools.
class Compiled {
 public:
  Compiled(const std::string& text, std::unique_ptr<backends::Device> device);

  void draw_inputs(uint32_t seed);
  void run(uint32_t step = 0, runtime::Profile* profile = nullptr);
  runtime::HostTensor& input(size_t i) { return inputs_[i]; }
  const std::vector<runtime::HostTensor>& outputs() const { return outputs_; }
  std::vector<std::byte> output_bytes() const;
  runtime::StateStore& state() { return *state_; }

 private:
  std::unique_ptr<backends::Device> device_;
  std::unique_ptr<runtime::Executable> executable_;
  std::unique_ptr<runtime::Context> context_;
  std::unique_ptr<runtime::StateStore> state_;
  std::vector<runtime::HostTensor> inputs_, outputs_;
};

std::unique_ptr<backends::Device> on_cpu();
std::unique_ptr<backends::Device> on_vulkan();
// Watched, and passing for a device with other abilities.
std::shared_ptr<Gpu> watched_gpu_as(std::function<void(GpuAbilities&)> lessen);
std::unique_ptr<backends::Device> on_vulkan_as(std::function<void(GpuAbilities&)> lessen);

// Outputs of the device and the CPU agree: floats within `tolerance` relative to the largest magnitude of the
// output, the rest exactly.
void expect_same_as_cpu(const std::string& text, double tolerance = 2e-6,
                        std::unique_ptr<backends::Device> device = on_vulkan());
void expect_close(const runtime::HostTensor& got, const runtime::HostTensor& want, double tolerance);

}  // namespace sinter::vulkan::test
