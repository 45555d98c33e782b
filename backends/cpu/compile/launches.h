#pragma once

#include "backends/cpu/compile/pieces.h"

// What the emitter needs to know of how a program launches its kernels.
namespace sinter::cpu {

// Fills in Piece::unaliased.
void find_aliases(const loop::Program& program, Pieces& pieces);

// Iterations of the kernel's parallel loop; 1 where there is none.
int64_t parallel_extent(const loop::Kernel& kernel);

}  // namespace sinter::cpu
