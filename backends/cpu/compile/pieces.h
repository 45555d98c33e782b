#pragma once

#include <string>
#include <vector>

#include "ir/loop/program.h"

// A program cut into what is compiled on its own, the parts of its kernels. Those that do the same are one
// piece.
namespace sinter::cpu {

struct Piece {
  loop::Kernel kernel;  // of one part, its arguments in the order of first use
  std::string text;     // canonical_text of the kernel: what it is told apart by
  // For each argument whether in all launches no other argument of the piece reaches the same memory, unless
  // both only read.
  std::vector<bool> unaliased;
};

// Units begin .. end - 1 of a kernel are those from 0 on of a piece.
struct Part {
  size_t piece = 0;
  std::vector<size_t> arguments;  // for each argument of the piece, which of the kernel's
  int64_t begin = 0, end = 0;
};

struct Pieces {
  std::vector<Piece> pieces;
  std::vector<std::vector<Part>> parts;  // by kernel, in the kernel's order
};

Pieces cut(const loop::Program& program);

// All that the code of a piece depends on besides the compiler.
std::string identity(const Piece& piece);

}  // namespace sinter::cpu
