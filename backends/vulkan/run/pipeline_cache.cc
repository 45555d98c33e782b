#include "backends/vulkan/run/pipeline_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

namespace sinter::vulkan {

// The driver looks pipelines up by the shaders themselves, so that a hash of these will do.
std::string PipelineCache::key(const Gpu& gpu, const std::vector<Kernel>& kernels) {
  std::string key = "pipelines of " + gpu.identity();
  for (const Kernel& kernel : kernels) {
    const std::string_view words(reinterpret_cast<const char*>(kernel.spirv.data()),
                                 kernel.spirv.size() * sizeof(uint32_t));
    key += fmt::format("\n{:x}", std::hash<std::string_view>()(words));
  }
  return key;
}

PipelineCache::PipelineCache(const Gpu& gpu, const std::vector<Kernel>& kernels)
    : gpu_(gpu), key_(key(gpu, kernels)) {
  const std::string known = gpu.cache().get(key_).value_or("");
  // What the driver makes of nothing is its header.
  known_bytes_ = std::max(known.size(), sizeof(VkPipelineCacheHeaderVersionOne));
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  info.initialDataSize = known.size();
  info.pInitialData = known.data();
  if (vkCreatePipelineCache(gpu.device(), &info, nullptr, &handle_) != VK_SUCCESS) handle_ = VK_NULL_HANDLE;
}

PipelineCache::~PipelineCache() {
  vkDestroyPipelineCache(gpu_.device(), handle_, nullptr);
}

void PipelineCache::save() const {
  if (handle_ == VK_NULL_HANDLE) return;
  size_t size = 0;
  if (vkGetPipelineCacheData(gpu_.device(), handle_, &size, nullptr) != VK_SUCCESS) return;
  if (size <= known_bytes_) return;
  std::string bytes(size, '\0');
  if (vkGetPipelineCacheData(gpu_.device(), handle_, &size, bytes.data()) != VK_SUCCESS) return;
  bytes.resize(size);
  gpu_.cache().put(key_, bytes);
}

}  // namespace sinter::vulkan
