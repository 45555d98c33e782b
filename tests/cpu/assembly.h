#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Loops of x86 code, read out of its text as LLVM writes it for GNU's assembler.
namespace sinter::cpu::test {

// A loop that has no other in it: from the label to the jump back there.
struct InnermostLoop {
  std::string text;
  int64_t products = 0;               // of vectors; without fused ones those that stand alone
  int64_t accumulators = 0;           // registers that fused ones, or sums, go to
  int64_t broadcasts = 0;             // of an element of memory
  int64_t loads = 0;                  // of vectors, as they are; into registers or as operands
  int64_t spills = 0;                 // vectors that go to, or come from, a fixed place of the stack
  int64_t stores = 0;                 // of vectors
  int64_t xmm = 0, ymm = 0, zmm = 0;  // instructions on vectors, by the widest they name
  int64_t narrowest_product = 64;     // bytes
  bool is_masked = false;             // by one of k1 .. k7
};

std::vector<InnermostLoop> innermost_loops(std::string_view assembly);

// Those of the register tiles of products: each element that is broadcast meets one, two or four vectors.
std::vector<InnermostLoop> tile_loops(std::string_view assembly);

}  // namespace sinter::cpu::test
