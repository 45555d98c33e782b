#pragma once

#include "backends/cpu/compile/pieces.h"

namespace sinter::cpu {

// Fills in Piece::unaliased from how the program launches its kernels.
void find_aliases(const loop::Program& program, Pieces& pieces);

}  // namespace sinter::cpu
