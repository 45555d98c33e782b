#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/disk_cache.h"

namespace sinter::vulkan {

// A compute shader in GLSL as SPIR-V 1.5, checked by SPIRV-Tools. No sum and product are contracted to one
// operation. Throws InternalError with the compiler's or the validator's message and the text.
std::vector<uint32_t> compile_to_spirv(const std::string& glsl);
// How often this process has done so.
int64_t shaders_compiled();

// glslang reads its own declarations, a tenth of a second, when it is first used. This does it sooner, on a
// thread for which nothing waits.
void prepare_compiler();

// As SPIRV-Tools prints it.
std::string disassemble(const std::vector<uint32_t>& words);

// compile_to_spirv, its result kept for the next process under spirv_key(glsl).
std::vector<uint32_t> cached_spirv(const std::string& glsl, runtime::DiskCache& cache);
std::string spirv_key(const std::string& glsl);
// What turns GLSL into SPIR-V: the versions of it.
std::string spirv_version();

}  // namespace sinter::vulkan
