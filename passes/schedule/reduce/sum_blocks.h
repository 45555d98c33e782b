#pragma once

#include <cstdint>

#include "passes/schedule/core/loader.h"

namespace sinter::passes {

// A sum of n terms one after the other errs as sqrt(n) does, and stops growing when a term is too small
// beside it (2^24 ones in f32). Long sums are sums of blocks, about as many as a block has terms. How many
// terms a block has; all where they are few.
inline int64_t sum_block(int64_t terms) {
  if (terms <= 1024) return terms;
  int64_t block = 32;
  while (block * block < terms) block *= 2;
  return block;
}

// Iterations of loop_in_blocks, its tests included; of one loop where there is one block.
inline int64_t iterations_in_blocks(int64_t terms) {
  const int64_t block = sum_block(terms);
  return block == terms ? terms + 1 : (terms + block - 1) / block * (block + 2) + 1;
}

// for c = 0 .. terms-1, `each` of c; `end` behind each block.
template <typename Each>
loop::Stmt loop_in_blocks(Loader& loader, int64_t terms, const Each& each, const loop::Stmt& end) {
  const int64_t block = sum_block(terms);
  const auto c = loader.variable("c", terms), b = loader.variable("block", (terms + block - 1) / block);
  const loop::Expr begin = loop::variable(b) * block;
  const loop::Expr left = loop::integer(terms) - begin;
  const loop::Expr extent = terms % block == 0 ? loop::integer(block) : loop::min(loop::integer(block), left);
  const loop::Stmt inner = loop::loop(loop::LoopKind::serial, c, begin, extent, each(loop::variable(c)));
  return loop::loop(loop::LoopKind::serial, b, loop::integer(0), loop::integer((terms + block - 1) / block),
                    loop::block({inner, end}));
}

}  // namespace sinter::passes
