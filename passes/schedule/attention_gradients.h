#pragma once

#include <vector>

#include "passes/schedule/attention_tile.h"

namespace sinter::passes {

// A result of an `attention_backward` kernel.
struct AttentionGradient {
  size_t operand = 0;  // whose gradient it is
  graph::Value value;  // in the core's body
  loop::BufferRef buffer;
};

// The gradients that an `attention_backward` kernel makes, and the values in its body on the way to them.
class AttentionGradients {
 public:
  explicit AttentionGradients(AttentionTile& tile);

  const std::vector<AttentionGradient>& all() const { return all_; }
  const AttentionGradient* of(size_t operand) const;  // null where it is not asked for

  graph::Value kept_cotangent() const { return kept_cotangent_; }
  // The sum over keys of the weights times their cotangents.
  graph::Value row_sum() const { return row_sum_; }
  // Empty where neither the queries' nor the keys' gradient is asked for.
  graph::Value score_cotangent() const { return score_cotangent_; }

  struct KeyRange {
    loop::Expr low, high;
  };
  struct QueryRange {
    loop::Expr first, count;
  };
  // Sets to zero what a unit adds to: `mine` says where it stands on its own axes, `serial` how far it runs
  // on others.
  std::vector<loop::Stmt> clear(const Index& mine, const graph::Shape& serial, const KeyRange& keys,
                                const QueryRange& queries);
  // Adds the element `at` of the domain to the gradients of what f and g read.
  std::vector<loop::Stmt> add_to_extras(const Index& at, const QueryLane& lane);

 private:
  struct Term {
    Index index;
    loop::Expr value;
  };
  // What the element `at` of the domain adds to `value`, and where.
  std::vector<Term> terms(graph::Value value, const Index& at, const QueryLane& lane);
  std::vector<Term> terms(graph::Value value, const Tile& known, const QueryLane& lane);

  AttentionTile& tile_;
  std::vector<AttentionGradient> all_;
  graph::Value kept_cotangent_, row_sum_, score_cotangent_;
};

}  // namespace sinter::passes
