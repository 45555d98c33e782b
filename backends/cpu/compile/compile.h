#pragma once

#include <string>

#include "backends/backend.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/run/executable.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "runtime/disk_cache.h"

namespace sinter::cpu {

// What a function becomes: from the cache where it was compiled before, for this machine, else made by
// compile() of its loops and kept.
Image compile(const backends::Source& source, const loop::Target& target, runtime::DiskCache& cache);

// Machine code for a program, as far as it is not in the cache, and all that is needed to run it. Compiles on
// all cores.
Image compile(const loop::Program& program, runtime::DiskCache& cache);

// What compile() makes on the way, as text. The target must be this machine's.
std::string emit_llvm(const loop::Program& program, const loop::Target& target);
std::string emit_asm(const loop::Program& program, const loop::Target& target);
// For any machine that LLVM knows.
std::string emit_asm(const loop::Program& program, const Machine& machine);

}  // namespace sinter::cpu
