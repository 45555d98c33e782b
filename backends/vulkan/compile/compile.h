#pragma once

#include "backends/vulkan/compile/glsl.h"
#include "backends/vulkan/run/image.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

// Throws GraphError where a tensor or an operation is beyond the device.
Image compile(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache);

// The shaders of a program, one after the other.
std::string emit_glsl(const loop::Program& program, const ShaderFeatures& features);

}  // namespace sinter::vulkan
