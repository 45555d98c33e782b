#pragma once

#include <memory>
#include <vector>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/run/image.h"

namespace sinter::vulkan {

// The kernels of a program, made ready to be launched: on all cores.
class Pipelines {
 public:
  Pipelines(const Gpu& gpu, const std::vector<Kernel>& kernels);
  ~Pipelines();
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;

  struct Pipeline {
    VkDescriptorSetLayout bindings = VK_NULL_HANDLE;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
  };
  const Pipeline& at(size_t kernel) const { return pipelines_[kernel]; }

 private:
  void make(const Kernel& kernel, VkPipelineCache cache, Pipeline& pipeline) const;
  void destroy();

  const Gpu& gpu_;
  std::vector<Pipeline> pipelines_;
};

// What a kernel binds, in order.
std::vector<VkDescriptorType> descriptor_types(const Kernel& kernel);

}  // namespace sinter::vulkan
