#pragma once

#include "backends/backend.h"
#include "backends/vulkan/compile/glsl.h"
#include "backends/vulkan/run/image.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "runtime/disk_cache.h"

namespace sinter::vulkan {

// What a function becomes: from the cache where it was compiled before, for such a device, else made by
// compile() of its loops and kept.
Image compile(const backends::Source& source, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache);

// Shaders for a program, as far as they are not in the cache, and all that is needed to run it. Compiles on
// all cores. Throws GraphError where a tensor or an operation is beyond the device.
Image compile(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache);

// The shaders that compile() makes, each below a comment that names its ops and their source lines: as GLSL,
// or SPIR-V as SPIRV-Tools disassembles it.
std::string emit_glsl(const loop::Program& program, const loop::Target& target,
                      const ShaderFeatures& features);
std::string emit_spirv(const loop::Program& program, const loop::Target& target,
                       const ShaderFeatures& features);

}  // namespace sinter::vulkan
