#pragma once

#include <cstdint>
#include <vector>

namespace sinter::runtime {

// The fixed tree along which the leaves of a step are added, whoever has them. Its levels, from the leaves
// up, are the prime factors of the number of leaves, in rising order; a node adds its children from left to
// right:
//   4: (0+1)+(2+3)    5: (((0+1)+2)+3)+4    6: ((0+1)+(2+3))+(4+5)

// Which leaves a rank has. Where they are a node, or the first children of one, the rank adds them itself,
// and their sum travels as one piece; else each leaf is a piece.
struct Leaves {
  int64_t first = 0;
  int64_t count = 0;
  bool is_one = false;

  int64_t pieces() const { return is_one ? 1 : count; }
};
Leaves leaves_of(int64_t leaves, int ranks, int rank);

// How many children a node of each level has; their product is `leaves`. None for one leaf.
std::vector<int64_t> levels_of(int64_t leaves);

// How the pieces of all ranks, numbered in the order of ranks, are added on a stack: a number puts that piece
// on top, kAdd takes the top and adds it to what is below.
constexpr int64_t kAdd = -1;
std::vector<int64_t> additions_of(int64_t leaves, int ranks);

}  // namespace sinter::runtime
