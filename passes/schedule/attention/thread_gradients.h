#pragma once

#include <vector>

#include "passes/schedule/attention/gradients.h"
#include "passes/schedule/attention/tile.h"

namespace sinter::passes {

// Gradients that a unit of work of a machine with threads adds up in memory.
class ThreadGradients : public AttentionGradients {
 public:
  explicit ThreadGradients(AttentionTile& tile) : AttentionGradients(tile), tile_(tile) {}

  struct KeyRange {
    loop::Expr low, high;
  };
  struct QueryRange {
    loop::Expr first, count;
  };
  // Sets to zero what a unit adds to: `mine` says where it stands on its own axes, `serial` how far it runs
  // on others, `keys_once` that the gradients of keys and values are stored, not added to.
  std::vector<loop::Stmt> clear(const Index& mine, const graph::Shape& serial, const KeyRange& keys,
                                const QueryRange& queries, bool keys_once);
  // Adds the element `at` of the domain to the gradients of what f and g read.
  std::vector<loop::Stmt> add_to_extras(const Index& at, const QueryLane& lane);

 private:
  Read read_in(const QueryLane& lane);

  AttentionTile& tile_;
};

}  // namespace sinter::passes
