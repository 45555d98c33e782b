#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter::passes {

// Which nodes of an acyclic graph need which others, through whatever stands between: a bit for each pair,
// kept while edges are added and nodes become one. Asking costs nothing, so passes that ask for every pair of
// what they could put together stay fast on long programs.
class Reachability {
 public:
  // A node that needs nothing yet; its number.
  size_t add();
  // From now on `later`, and all that needs it, needs `earlier`, and all that this needs.
  void add_edge(size_t later, size_t earlier);
  // The two are needed together from now on, and need the same.
  void join(size_t a, size_t b);
  // Whether there is a way of at least one edge.
  bool reaches(size_t later, size_t earlier) const;
  // Whether the two have become one.
  bool are_one(size_t a, size_t b) const { return one_[a] == one_[b]; }

 private:
  using Bits = std::vector<uint64_t>;

  static void add(Bits& bits, const Bits& more);
  static void set(Bits& bits, size_t node);
  static bool has(const Bits& bits, size_t node);

  std::vector<size_t> one_;  // by node: that which stands for all that it is one with
  std::vector<Bits> needs_;  // of those; bits beyond the end are zero
};

}  // namespace sinter::passes
