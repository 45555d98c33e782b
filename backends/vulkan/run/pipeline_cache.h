#pragma once

#include <string>
#include <vector>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/run/image.h"

namespace sinter::vulkan {

// What the driver makes of a program's shaders, kept for the next process. A driver that keeps nothing costs
// nothing.
class PipelineCache {
 public:
  PipelineCache(const Gpu& gpu, const std::vector<Kernel>& kernels);
  ~PipelineCache();
  PipelineCache(const PipelineCache&) = delete;
  PipelineCache& operator=(const PipelineCache&) = delete;

  VkPipelineCache handle() const { return handle_; }
  void save() const;  // where something has come to it

  static std::string key(const Gpu& gpu, const std::vector<Kernel>& kernels);

 private:
  const Gpu& gpu_;
  std::string key_;
  size_t known_bytes_;
  VkPipelineCache handle_ = VK_NULL_HANDLE;  // null where the driver refuses: then it does without
};

}  // namespace sinter::vulkan
