#include "backends/vulkan/vulkan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "backends/vulkan/compile/compile.h"
#include "backends/vulkan/compile/library.h"
#include "backends/vulkan/named_gpus.h"
#include "backends/vulkan/run/executable.h"
#include "backends/vulkan/run/list_gpus.h"
#include "backends/vulkan/run/state.h"
#include "backends/vulkan/run/tensor_buffer.h"
#include "ir/error.h"
#include "runtime/error.h"

namespace sinter::vulkan {
namespace {

loop::Target target_of(const GpuAbilities& abilities, const std::string& description) {
  const VkPhysicalDeviceLimits& limits = abilities.limits;
  loop::Target target;
  target.kind = abilities.is_processor ? loop::Target::Kind::gpu_on_cpu : loop::Target::Kind::gpu;
  target.description = description;
  target.unit_vectors = 4;
  target.local_bytes = abilities.local_bytes;
  target.has_fma = abilities.fuses_multiply_add;
  target.exact_division = false;
  target.subgroup_size = abilities.subgroup_size;
  target.subgroup_arithmetic = abilities.subgroup_arithmetic;
  target.shared_bytes = limits.maxComputeSharedMemorySize;
  target.max_workgroup_size = abilities.max_workgroup_size();
  target.max_workgroups = limits.maxComputeWorkGroupCount[0];
  if (abilities.multiprocessors > 0) target.multiprocessors = abilities.multiprocessors;
  target.max_iterations = abilities.max_iterations;
  target.max_buffers = abilities.max_buffers();
  target.max_buffer_bytes = limits.maxStorageBufferRange;
  target.buffer_alignment = abilities.buffer_alignment();
  target.has_f64 = abilities.has_f64;
  target.has_i64 = abilities.has_i64;
  return target;
}

ShaderFeatures features_of(const GpuAbilities& abilities) {
  const VkPhysicalDeviceLimits& limits = abilities.limits;
  const bool reaches_texels = limits.maxTexelBufferElements >= limits.maxStorageBufferRange / 4;
  return {
      .has_f64 = abilities.has_f64,
      .has_i64 = abilities.has_i64,
      .has_bytes = abilities.has_bytes,
      .keeps_nan = abilities.keeps_nan,
      .keeps_denormals = abilities.keeps_denormals,
      .is_processor = abilities.is_processor,
      .texel_buffers = abilities.is_processor && reaches_texels ? abilities.max_texel_buffers() : 0,
      .shuffled_lanes = abilities.is_processor && abilities.subgroup_shuffle ? abilities.subgroup_size : 0,
      .max_groups = std::min<int64_t>(limits.maxComputeWorkGroupCount[0], limits.maxComputeWorkGroupCount[1]),
      .max_allocation = abilities.max_allocation};
}

// A device that need not be at hand: it shows what it would run, and compiles programs to be run elsewhere.
class DescribedDevice : public backends::Device {
 public:
  DescribedDevice(const GpuAbilities& abilities, const std::string& name)
      : target_(target_of(abilities, name)), features_(features_of(abilities)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>&) const override {
    not_here();
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source&) const override { not_here(); }
  loop::Target target() const override { return target_; }
  std::string text(const backends::Source& source, std::string_view kind) const override {
    if (kind == "glsl") return emit_glsl(source.lower(target_), target_, features_);
    if (kind == "spirv") return emit_spirv(source.lower(target_), target_, features_);
    return Device::text(source, kind);
  }
  std::vector<backends::LibraryFile> compile_library(const backends::Library& library) const override {
    runtime::DiskCache cache(options_by_name().cache_folder);
    return vulkan::compile_library(library, target_, features_, cache);
  }

 protected:
  const ShaderFeatures& features() const { return features_; }

 private:
  [[noreturn]] void not_here() const {
    throw GraphError(
        fmt::format("vulkan: the target {} is there to be looked at, not to run; a program runs on 'native'",
                    target_.description));
  }

  loop::Target target_;
  ShaderFeatures features_;
};

class VulkanDevice final : public DescribedDevice {
 public:
  VulkanDevice(std::shared_ptr<Gpu> gpu, std::shared_ptr<runtime::Communicator> communicator)
      : DescribedDevice(gpu->abilities(), gpu->name()),
        gpu_(std::move(gpu)),
        communicator_(std::move(communicator)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override {
    return std::make_unique<DeviceState>(gpu_, backends::to_specs(states));
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override {
    return make_executable(vulkan::compile(source, target(), features(), gpu_->cache()), gpu_, communicator_);
  }
  std::shared_ptr<const runtime::DeviceBuffer> upload(const runtime::HostTensor& tensor) const override {
    return TensorBuffer::upload(gpu_, tensor);
  }
  bool reaches(const runtime::DeviceBuffer& buffer) const override {
    return TensorBuffer::lies_on(*gpu_, buffer);
  }

 private:
  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<runtime::Communicator> communicator_;
};

// Devices opened alike share what is kept of shaders.
std::shared_ptr<Gpu> shared_gpu(const std::string& selector) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Gpu>> opened;
  const std::lock_guard<std::mutex> lock(mutex);
  std::weak_ptr<Gpu>& known = opened[selector];
  std::shared_ptr<Gpu> gpu = known.lock();
  if (!gpu || gpu->is_lost()) {
    GpuOptions options = options_by_name();
    options.selector = selector;
    known = gpu = std::make_shared<Gpu>(options);
  }
  return gpu;
}

class VulkanBackend final : public backends::Backend {
 public:
  std::string_view name() const override { return "vulkan"; }
  std::vector<std::string> texts() const override { return {"glsl", "spirv"}; }
  bool has_targets() const override { return true; }

  std::vector<std::string> devices() const override {
    try {
      auto devices = list_gpus();
      return devices.empty() ? std::vector<std::string>{"vulkan: no device"} : devices;
    } catch (const RuntimeError& error) {
      return {error.what()};
    }
  }

  std::unique_ptr<backends::Device> open(const backends::DeviceOptions& options) const override {
    if (options.target == "native") return make_device(shared_gpu(options.selector), options.communicator);
    const NamedGpu gpu = named_gpu(options.target);
    return std::make_unique<DescribedDevice>(gpu.abilities, gpu.description);
  }
};

}  // namespace

const backends::Backend& backend() {
  static const VulkanBackend instance;
  return instance;
}

GpuOptions& options_by_name() {
  static GpuOptions options;
  return options;
}

std::unique_ptr<backends::Device> make_device(std::shared_ptr<Gpu> gpu,
                                              std::shared_ptr<runtime::Communicator> communicator) {
  return std::make_unique<VulkanDevice>(std::move(gpu), std::move(communicator));
}

}  // namespace sinter::vulkan
