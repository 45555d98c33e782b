#pragma once

#include <cstdint>
#include <vector>

namespace sinter::passes {

// What of a step a rank makes: the micro-batches first .. first + count - 1 of `parts`.
struct Share {
  int64_t parts = 1;
  int64_t rank = 0, ranks = 1;
  int64_t first = 0, count = 1;
  // How many turns the loops over them take, from the innermost one, so that each adds up a node of the tree
  // whose leaves micro-batches are (runtime/collectives/tree.h).
  std::vector<int64_t> loops;
  bool is_apart = false;  // they are no node: each is made by itself, one of the innermost loop's

  // Values of them that lie along the first axis, the loops' turns.
  std::vector<int64_t> turns() const;
};

// Throws GraphError where there are fewer parts than ranks, or no such rank.
Share share_of(int64_t parts, int64_t rank, int64_t ranks);

}  // namespace sinter::passes
