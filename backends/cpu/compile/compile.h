#pragma once

#include <string>

#include "backends/backend.h"
#include "backends/cpu/compile/machine.h"
#include "backends/cpu/run/executable.h"
#include "ir/loop/program.h"
#include "runtime/disk_cache.h"

namespace sinter::cpu {

// What a function becomes: from the cache where it was compiled before, for the same machine, else made by
// compile() of its loops and kept. Throws GraphError where this machine is not one that can run it.
Image compile(const backends::Source& source, const Machine& machine, runtime::DiskCache& cache);

// Machine code for a program, as far as it is not in the cache, and all that is needed to run it. Compiles on
// all cores. Throws as the other does.
Image compile(const loop::Program& program, const Machine& machine, runtime::DiskCache& cache);

// What compile() makes on the way, as text; for machines as well that this one is not.
std::string emit_llvm(const loop::Program& program, const Machine& machine);
std::string emit_asm(const loop::Program& program, const Machine& machine);

}  // namespace sinter::cpu
