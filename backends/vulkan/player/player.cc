#include "backends/vulkan/player/player.h"

#include <fmt/format.h>

#include <functional>

#include "backends/vulkan/player/program_file.h"
#include "backends/vulkan/run/executable.h"
#include "backends/vulkan/run/state.h"
#include "backends/vulkan/run/tensor_buffer.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter::vulkan {
namespace {

class VulkanPlayer final : public backends::Player {
 public:
  VulkanPlayer(ProgramFile file, std::shared_ptr<Gpu> gpu) : file_(std::move(file)), gpu_(std::move(gpu)) {
    for (const ProgramFile::Function& function : file_.functions) functions_.push_back(function.info);
  }

  const std::vector<Function>& functions() const override { return functions_; }
  const std::vector<runtime::TensorSpec>& inputs(size_t function) const override {
    return file_.functions.at(function).image.inputs;
  }
  std::unique_ptr<runtime::Executable> load(size_t function) const override {
    return make_executable(file_.functions.at(function).image, gpu_);
  }
  std::unique_ptr<runtime::StateStore> make_state() const override {
    return std::make_unique<DeviceState>(gpu_, file_.states);
  }
  uint64_t seed() const override { return file_.seed; }
  std::shared_ptr<const runtime::DeviceBuffer> upload(const runtime::HostTensor& tensor) const override {
    return TensorBuffer::upload(gpu_, tensor);
  }
  bool reaches(const runtime::DeviceBuffer& buffer) const override {
    return TensorBuffer::lies_on(*gpu_, buffer);
  }

 private:
  ProgramFile file_;
  std::shared_ptr<Gpu> gpu_;
  std::vector<Function> functions_;
};

// The file first: what is wrong with it is so on any machine.
std::unique_ptr<backends::Player> open(const std::string& path,
                                       const std::function<std::shared_ptr<Gpu>()>& open_gpu) {
  ProgramFile file = program_from_bytes(runtime::read_file(path), path);
  std::shared_ptr<Gpu> gpu = open_gpu();
  if (const std::string what = lacking(file.needs, gpu->abilities()); !what.empty())
    throw RuntimeError(fmt::format("{}: it {} on {}", path, what, gpu->name()));
  return std::make_unique<VulkanPlayer>(std::move(file), std::move(gpu));
}

}  // namespace

std::unique_ptr<backends::Player> open_player(const std::string& path, const std::string& selector) {
  return open(path, [&] { return std::make_shared<Gpu>(GpuOptions{.selector = selector}); });
}

std::unique_ptr<backends::Player> open_player(const std::string& path, std::shared_ptr<Gpu> gpu) {
  return open(path, [&] { return gpu; });
}

}  // namespace sinter::vulkan
