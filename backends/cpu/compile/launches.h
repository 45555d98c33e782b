#pragma once

#include <vector>

#include "ir/loop/program.h"

// What the emitter needs to know of a whole program: which kernels are the same, and how memory meets in
// them.
namespace sinter::cpu {

// For each kernel of a program the first one that does the same.
std::vector<size_t> representatives(const loop::Program& program);

// For each kernel that is its own representative, and each argument of it: whether in all launches no other
// argument reaches the same memory, unless both only read.
std::vector<std::vector<bool>> unaliased_arguments(const loop::Program& program,
                                                   const std::vector<size_t>& representative);

// Iterations of the kernel's parallel loop; 1 where there is none.
int64_t parallel_extent(const loop::Kernel& kernel);

}  // namespace sinter::cpu
