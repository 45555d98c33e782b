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

// The shaders that compile() makes, each below a comment that names its ops and their source lines: as GLSL,
// or SPIR-V as SPIRV-Tools disassembles it.
std::string emit_glsl(const loop::Program& program, const loop::Target& target,
                      const ShaderFeatures& features);
std::string emit_spirv(const loop::Program& program, const loop::Target& target,
                       const ShaderFeatures& features);

}  // namespace sinter::vulkan
