#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/cpu/compile/machine.h"
#include "backends/cpu/compile/pieces.h"
#include "ir/loop/program.h"
#include "runtime/disk_cache.h"

namespace sinter::cpu {

// A program as object files: one for each piece, and the entry.
struct Objects {
  std::vector<std::string> files;
  int64_t scratch_bytes = 0;  // that pieces need of each thread
  size_t compiled = 0;        // of the files, made now
  size_t found = 0;           // in the cache
};

// Code for a machine is made on up to `threads` threads; no code generator where the cache has it all.
Objects make_objects(const loop::Program& program, const Machine& machine, int threads,
                     runtime::DiskCache& cache);

}  // namespace sinter::cpu
