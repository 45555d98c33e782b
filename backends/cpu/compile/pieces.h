#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/loop/program.h"

// A program cut into what is compiled on its own, the parts of its kernels. Those that do the same are one
// piece.
namespace sinter::cpu {

struct Piece {
  loop::Kernel kernel;  // of one part, its arguments in the order of first use, its fault sites from 0 on
  bool has_sites = false;
  std::string text;  // canonical_text of the kernel: what it is told apart by
  // For each argument whether in all launches no other argument of the piece reaches the same memory, unless
  // both only read.
  std::vector<bool> unaliased;
};

// Units begin .. end - 1 of a kernel are those from 0 on of a piece.
struct Part {
  size_t piece = 0;
  std::vector<size_t> arguments;  // for each argument of the piece, which of the kernel's
  int64_t begin = 0, end = 0;
  std::optional<int64_t> first_site;  // of the program's: what the piece's are counted from, where it has any

  // What a launch passes: addresses, and then the first site.
  size_t words() const { return arguments.size() + (first_site ? 1 : 0); }
};

struct Pieces {
  std::vector<Piece> pieces;
  std::vector<std::vector<Part>> parts;  // by kernel, in the kernel's order
};

Pieces cut(const loop::Program& program);

// All that the code of a piece depends on besides the compiler.
std::string identity(const Piece& piece);

}  // namespace sinter::cpu
