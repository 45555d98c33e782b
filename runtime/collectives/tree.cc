#include "runtime/collectives/tree.h"

#include <cstddef>

namespace sinter::runtime {
namespace {

// Whether some node has [first, first + count) as its first children.
bool begins_a_node(int64_t leaves, int64_t first, int64_t count) {
  int64_t child = 1;
  for (const int64_t children : levels_of(leaves)) {
    const int64_t node = child * children;
    if (count % child == 0 && count <= node && first % node == 0) return true;
    child = node;
  }
  return count == 1;
}

// Goes over the tree from left to right, taking pieces as they begin.
struct Walk {
  std::vector<int64_t> levels;
  std::vector<int64_t> leaves_in;  // by piece
  int64_t next = 0;                // piece
  std::vector<int64_t> additions = {};

  void take() { additions.push_back(next++); }

  void node(size_t level, int64_t child_leaves) {
    if (level == 0) return take();
    int64_t child = 0;
    const int64_t children = levels[level - 1];
    const int64_t in_piece = leaves_in[static_cast<size_t>(next)];
    if (in_piece >= child_leaves && in_piece % child_leaves == 0) {
      take();
      child = in_piece / child_leaves;
    }
    for (; child < children; ++child) {
      const bool is_first = child == 0;
      node(level - 1, level > 1 ? child_leaves / levels[level - 2] : 1);
      if (!is_first) additions.push_back(kAdd);
    }
  }
};

}  // namespace

std::vector<int64_t> levels_of(int64_t leaves) {
  std::vector<int64_t> levels;
  for (int64_t factor = 2; leaves > 1; ++factor) {
    if (factor * factor > leaves) factor = leaves;
    for (; leaves % factor == 0; leaves /= factor) levels.push_back(factor);
  }
  return levels;
}

Leaves leaves_of(int64_t leaves, int ranks, int rank) {
  const int64_t first = rank * leaves / ranks;
  const int64_t count = (rank + 1) * leaves / ranks - first;
  return {first, count, begins_a_node(leaves, first, count)};
}

std::vector<int64_t> additions_of(int64_t leaves, int ranks) {
  Walk walk{levels_of(leaves), {}};
  for (int rank = 0; rank < ranks; ++rank) {
    const Leaves own = leaves_of(leaves, ranks, rank);
    for (int64_t i = 0; i < own.pieces(); ++i) walk.leaves_in.push_back(own.is_one ? own.count : 1);
  }
  int64_t child_leaves = 1;
  for (size_t i = 0; i + 1 < walk.levels.size(); ++i) child_leaves *= walk.levels[i];
  walk.node(walk.levels.size(), child_leaves);
  return walk.additions;
}

}  // namespace sinter::runtime
