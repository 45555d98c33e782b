#include "backends/vulkan/player/needs.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter::vulkan {
namespace {

struct Flag {
  int64_t needed;
  bool has;
  const char* what;
};

struct Amount {
  int64_t needed;
  int64_t most;
  const char* what;
};

}  // namespace

std::string lacking(const Needs& needs, const GpuAbilities& has) {
  const Flag flags[] = {
      {needs.f64, has.has_f64, "64-bit floats"},
      {needs.i64, has.has_i64, "64-bit integers"},
      {needs.bytes, has.has_bytes, "buffers of bytes"},
      {needs.nan, has.keeps_nan, "infinities and NaNs that are kept"},
      {needs.denormals, has.keeps_denormals, "denormals that are kept"},
      {needs.shuffle, has.subgroup_shuffle, "shuffles in subgroups"},
      {needs.arithmetic, has.subgroup_arithmetic, "arithmetic in subgroups of one size"},
  };
  for (const auto& [needed, is_there, what] : flags) {
    if (needed != 0 && !is_there) return fmt::format("needs {}", what);
  }
  if (needs.subgroup_size != 0 && needs.subgroup_size != has.subgroup_size) {
    return fmt::format("needs subgroups of {} invocations, not {}", needs.subgroup_size, has.subgroup_size);
  }
  const VkPhysicalDeviceLimits& limits = has.limits;
  const Amount amounts[] = {
      {needs.invocations, std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]),
       "workgroups of {} invocations"},
      {needs.shared_bytes, limits.maxComputeSharedMemorySize, "{} bytes of shared memory"},
      {needs.iterations, has.max_iterations, "loops of {} iterations"},
      {needs.groups, limits.maxComputeWorkGroupCount[0], "{} workgroups along the first axis"},
      {needs.more_groups, limits.maxComputeWorkGroupCount[1], "{} workgroups along the second axis"},
      {needs.buffers,
       std::min({limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers,
                 limits.maxPerStageResources}),
       "{} buffers of a kernel"},
      {needs.buffer_bytes, limits.maxStorageBufferRange, "buffers of {} bytes"},
      {needs.texel_buffers,
       std::min(limits.maxPerStageDescriptorStorageImages, limits.maxDescriptorSetStorageImages),
       "{} texel buffers of a kernel"},
      {needs.texels, limits.maxTexelBufferElements, "texel buffers of {} elements"},
  };
  for (const auto& [needed, most, what] : amounts) {
    if (needed > most)
      return fmt::format("needs {}, {} at most", fmt::format(fmt::runtime(what), needed), most);
  }
  if (has.buffer_alignment() > needs.alignment) {
    return fmt::format("needs buffers that begin at any {} bytes, not {}", needs.alignment,
                       has.buffer_alignment());
  }
  return "";
}

}  // namespace sinter::vulkan
