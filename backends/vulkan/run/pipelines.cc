#include "backends/vulkan/run/pipelines.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "backends/vulkan/run/pipeline_cache.h"
#include "runtime/share_out.h"
#include "runtime/thread_pool.h"

namespace sinter::vulkan {

std::vector<VkDescriptorType> descriptor_types(const Kernel& kernel) {
  std::vector<VkDescriptorType> types;
  for (const View& view : kernel.views) {
    const bool is_storage = view.kind == View::Kind::storage;
    types.push_back(is_storage ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER);
  }
  types.insert(types.end(), (kernel.reads_call ? 1 : 0) + (kernel.uses_faults ? 1 : 0),
               VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
  return types;
}

Pipelines::Pipelines(const Gpu& gpu, const std::vector<Kernel>& kernels)
    : gpu_(gpu), pipelines_(kernels.size()) {
  try {
    PipelineCache cache(gpu, kernels);
    // The largest first, so that no thread is left with one at the end.
    std::vector<size_t> order(kernels.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return kernels[i].spirv.size(); });
    runtime::share_out(order.size(), runtime::available_cores(), [&]() -> runtime::Worker {
      return [&](size_t i) { make(kernels[order[i]], cache.handle(), pipelines_[order[i]]); };
    });
    cache.save();
  } catch (...) {
    destroy();
    throw;
  }
}

Pipelines::~Pipelines() {
  destroy();
}

void Pipelines::destroy() {
  for (const Pipeline& p : pipelines_) {
    vkDestroyPipeline(gpu_.device(), p.pipeline, nullptr);
    vkDestroyPipelineLayout(gpu_.device(), p.layout, nullptr);
    vkDestroyDescriptorSetLayout(gpu_.device(), p.bindings, nullptr);
  }
}

void Pipelines::make(const Kernel& kernel, VkPipelineCache cache, Pipeline& result) const {
  const std::string what = "cannot make the kernel " + kernel.name;
  std::vector<VkDescriptorSetLayoutBinding> bindings;
  for (const VkDescriptorType type : descriptor_types(kernel)) {
    bindings.push_back(
        {static_cast<uint32_t>(bindings.size()), type, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
  }
  VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  set.bindingCount = static_cast<uint32_t>(bindings.size());
  set.pBindings = bindings.data();
  check(vkCreateDescriptorSetLayout(gpu_.device(), &set, nullptr, &result.bindings), what);

  const VkPushConstantRange offsets{VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel.offsets * 4};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &result.bindings;
  layout.pushConstantRangeCount = kernel.offsets > 0 ? 1 : 0;
  layout.pPushConstantRanges = &offsets;
  check(vkCreatePipelineLayout(gpu_.device(), &layout, nullptr, &result.layout), what);

  VkShaderModuleCreateInfo code{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  code.codeSize = kernel.spirv.size() * sizeof(uint32_t);
  code.pCode = kernel.spirv.data();
  VkShaderModule shader = VK_NULL_HANDLE;
  check(vkCreateShaderModule(gpu_.device(), &code, nullptr, &shader), what);
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = shader;
  info.stage.pName = "main";
  info.layout = result.layout;
  const VkResult made = vkCreateComputePipelines(gpu_.device(), cache, 1, &info, nullptr, &result.pipeline);
  vkDestroyShaderModule(gpu_.device(), shader, nullptr);
  check(made, what);
  ++gpu_.stats().pipelines;
}

}  // namespace sinter::vulkan
