#include "passes/base/reachability.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sinter::passes {
namespace {

// The same by search: edges between nodes, and for each node the first that it has become one with.
class Search {
 public:
  void add() {
    edges_.emplace_back();
    one_.push_back(one_.size());
  }
  void add_edge(size_t later, size_t earlier) { edges_[later].insert(earlier); }
  void join(size_t a, size_t b) {
    const size_t from = one_[b], to = one_[a];
    for (size_t& one : one_) one = one == from ? to : one;
  }
  bool reaches(size_t later, size_t earlier) const {
    std::set<size_t> seen;
    std::vector<size_t> pending = {one_[later]};
    while (!pending.empty()) {
      const size_t one = pending.back();
      pending.pop_back();
      for (size_t node = 0; node < one_.size(); ++node) {
        if (one_[node] != one) continue;
        for (const size_t needed : edges_[node]) {
          if (one_[needed] == one_[earlier]) return true;
          if (seen.insert(one_[needed]).second) pending.push_back(one_[needed]);
        }
      }
    }
    return false;
  }

 private:
  std::vector<std::set<size_t>> edges_;
  std::vector<size_t> one_;
};

TEST(Reachability, IsWhatASearchFinds) {
  constexpr size_t kNodes = 90;  // more than a word of bits
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); };
    Reachability fast;
    Search slow;
    for (size_t node = 0; node < kNodes; ++node) {
      ASSERT_EQ(fast.add(), node);
      slow.add();
      for (size_t edges = node == 0 ? 0 : below(3); edges > 0; --edges) {
        const size_t earlier = below(node);
        fast.add_edge(node, earlier);
        slow.add_edge(node, earlier);
      }
      if (node == 0) continue;
      const size_t a = below(node + 1), b = below(node + 1);
      if (a != b && !slow.reaches(a, b) && !slow.reaches(b, a)) {
        fast.join(a, b);
        slow.join(a, b);
      }
      for (size_t from = 0; from <= node; ++from) {
        const size_t to = below(node + 1);
        ASSERT_EQ(fast.reaches(from, to), slow.reaches(from, to)) << seed << ": " << from << ", " << to;
      }
    }
  }
}

}  // namespace
}  // namespace sinter::passes
