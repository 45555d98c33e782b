#pragma once

#include <vector>

#include "backends/library.h"
#include "backends/vulkan/compile/glsl.h"
#include "ir/loop/target.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

// NAME.sinter, which open_player() plays, for devices that can do what this one can as far as the functions
// need it.
std::vector<backends::LibraryFile> compile_library(const backends::Library& library,
                                                   const loop::Target& target, const ShaderFeatures& features,
                                                   runtime::DiskCache& cache);

}  // namespace sinter::vulkan
