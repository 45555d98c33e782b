#pragma once

#include <functional>
#include <vector>

#include "passes/schedule/attention/core.h"
#include "passes/schedule/core/choice.h"

namespace sinter::passes {

// Whether a machine with workgroups can compute attention and its gradients as kernels, with queries and keys
// of `width` elements and values of so many: what its lanes or workgroups hold grows with these.
bool has_attention_schedule(int64_t width, int64_t values, int64_t element_bytes, const loop::Target& target);

// What the schedules of `attention` and `attention_backward` share whose invocations do not work together:
// each has a row, a query or a key, in registers, and what it looks at runs by one at a time.
class AttentionRows : public AttentionCore {
 public:
  using AttentionCore::AttentionCore;

  // Whether rows are faster than blocks that workgroups share. They are where few keys would leave a block's
  // lanes idle, and where shared memory is as slow as any other.
  bool are_better(const loop::Target& target) const;
  int64_t bytes_held() const;
  // What there is to choose: nothing.
  void read(ChoiceReader& read, const loop::Target& target) const;

  using Row = std::vector<loop::Expr>;
  // A row by its elements, each with a name.
  Row row(Lets& lets, const char* name, int64_t length,
          const std::function<loop::Expr(const loop::Expr&)>& element);
  Row query_row(Lets& lets, const Index& outer, const loop::Expr& query);
  Row key_row(Lets& lets, const Index& outer, const loop::Expr& key);
  Row value_row(Lets& lets, const Index& outer, const loop::Expr& key);
  // Of the result, or of a value with its shape.
  Row result_row(Lets& lets, const char* name, graph::Value value, const Index& outer,
                 const loop::Expr& query);
  // The sum of products in order, as blocks add up scores: one direction may go by rows, the other by blocks.
  loop::Expr dot(const Row& a, const Row& b) const;

  // Sums of a row in memory of the lane.
  loop::BufferRef sums(const char* name, int64_t length) const;
  loop::Stmt clear(const loop::BufferRef& sums) const;
  // sums += factor * row
  loop::Stmt add(const loop::BufferRef& sums, const loop::Expr& factor, const Row& row) const;
  loop::Stmt store(const loop::BufferRef& sums, const loop::BufferRef& to, const graph::Shape& shape,
                   const std::function<Index(const loop::Expr&)>& place);

  // For the keys that a query sees.
  loop::Stmt for_keys(const Index& outer, const loop::Expr& query,
                      const std::function<loop::Stmt(const loop::Expr& key)>& body);
};

}  // namespace sinter::passes
