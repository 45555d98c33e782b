#pragma once

#include <cstdint>

// What compiled code sees of a run. Plain C: the same code serves a cache on disk and programs exported ahead
// of time.
extern "C" {

struct SinterCpuContext;

// Iterations begin .. end - 1 of a kernel's outermost loop. `arguments`: of one part after the other the
// addresses of what it reads and writes, and where it has checks the number of its first fault site.
using SinterCpuKernel = void (*)(SinterCpuContext* context, void** arguments, int64_t begin, int64_t end);

struct SinterCpuContext {
  void** slots;  // where each slot of the program lies
  uint32_t seed_low;
  uint32_t seed_high;
  uint32_t step;
  uint32_t fault;  // not zero once a check has failed
  // Runs all iterations of a kernel, `unit` of them at a time, and returns when they are done. More than
  // `threads` threads are not worth it. `number` is which of the program's kernels it is.
  void (*parallel_for)(SinterCpuContext* context, SinterCpuKernel kernel, void** arguments, int64_t extent,
                       int64_t unit, int64_t threads, int64_t number);
  // A check failed. `bits` is the value that failed it: an i64, or a double's bits.
  void (*report)(SinterCpuContext* context, int64_t site, int64_t position, int64_t bits);
  // Memory of the calling thread, as large as the program said that its kernels need.
  void* (*scratch)(SinterCpuContext* context);
  // What ranks make together: starts, and has it. `number` is which of the program's meetings it is.
  void (*begin)(SinterCpuContext* context, int64_t number);
  void (*end)(SinterCpuContext* context, int64_t number);
};

}  // extern "C"

namespace sinter::cpu {

using Context = ::SinterCpuContext;
using Kernel = ::SinterCpuKernel;
using Entry = void (*)(Context* context);

}  // namespace sinter::cpu
