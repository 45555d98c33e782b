#include "backends/vulkan/player/needs.h"

#include <fmt/format.h>

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

std::string lacking(const Needs& needs, const GpuAbilities& abilities) {
  // All of them: with another one this does not compile. Those that have no row say how fast code is, or what
  // is asked for when memory is taken.
  const auto& [limits, max_allocation, max_iterations, subgroup_size, subgroup_arithmetic, subgroup_shuffle,
               has_f64, has_i64, has_bytes, keeps_nan, keeps_denormals, is_processor, fuses_multiply_add,
               multiprocessors, local_bytes] = abilities;
  const Flag flags[] = {
      {needs.f64, has_f64, "64-bit floats"},
      {needs.i64, has_i64, "64-bit integers"},
      {needs.bytes, has_bytes, "buffers of bytes"},
      {needs.nan, keeps_nan, "infinities and NaNs that are kept"},
      {needs.denormals, keeps_denormals, "denormals that are kept"},
      {needs.shuffle, subgroup_shuffle, "shuffles in subgroups"},
      {needs.arithmetic, subgroup_arithmetic, "arithmetic in subgroups of one size"},
  };
  for (const auto& [needed, is_there, what] : flags) {
    if (needed != 0 && !is_there) return fmt::format("needs {}", what);
  }
  if (needs.subgroup_size != 0 && needs.subgroup_size != subgroup_size) {
    return fmt::format("needs subgroups of {} invocations, not {}", needs.subgroup_size, subgroup_size);
  }
  const Amount amounts[] = {
      {needs.invocations, abilities.max_workgroup_size(), "workgroups of {} invocations"},
      {needs.shared_bytes, limits.maxComputeSharedMemorySize, "{} bytes of shared memory"},
      {needs.iterations, max_iterations, "loops of {} iterations"},
      {needs.groups, limits.maxComputeWorkGroupCount[0], "{} workgroups along the first axis"},
      {needs.more_groups, limits.maxComputeWorkGroupCount[1], "{} workgroups along the second axis"},
      {needs.buffers, abilities.max_buffers(), "{} buffers of a kernel"},
      {needs.buffer_bytes, limits.maxStorageBufferRange, "buffers of {} bytes"},
      {needs.texel_buffers, abilities.max_texel_buffers(), "{} texel buffers of a kernel"},
      {needs.texels, limits.maxTexelBufferElements, "texel buffers of {} elements"},
  };
  for (const auto& [needed, most, what] : amounts) {
    if (needed > most)
      return fmt::format("needs {}, {} at most", fmt::format(fmt::runtime(what), needed), most);
  }
  if (abilities.buffer_alignment() > needs.alignment) {
    return fmt::format("needs buffers that begin at any {} bytes, not {}", needs.alignment,
                       abilities.buffer_alignment());
  }
  return "";
}

}  // namespace sinter::vulkan
