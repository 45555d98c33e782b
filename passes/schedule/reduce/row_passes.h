#pragma once

#include <cstdint>
#include <vector>

#include "passes/schedule/reduce/reduce.h"

namespace sinter::passes {

// The values of a row that later passes over it read rather than compute again, each at the row's own
// elements.
struct Kept {
  int64_t place;  // in the body, of the op
  graph::Value value;
  size_t first;  // the pass that computes it
  size_t last;   // the last one that reads it
  size_t slot;   // of the memory: values that are read no more give theirs to others of their type
};

// The passes over a row: one a level of reductions, and the last one, which stores outputs and adds to sums
// of columns. What they keep for one another, and what they ask for ahead.
class RowPasses : private ReduceSchedule {
 public:
  // Of rows that are padded to a multiple of `lanes`. What is loaded may be kept, too, where it is to lie in
  // registers.
  RowPasses(const ReduceSchedule& schedule, int64_t lanes, bool in_registers = false);

  // Places in the body of the ops whose values take longer to compute again than to keep, in `most` bytes.
  std::vector<int64_t> best(int64_t most) const;
  // Whether each is needed by several passes, and all fit.
  bool may_keep(const std::vector<int64_t>& places, int64_t most) const;
  // When they are computed and read, and where they lie; without those that no later pass reads.
  std::vector<Kept> plan(const std::vector<int64_t>& places) const;

  // Of each tensor that has an element for each of the rows', inputs first, the pass that asks for its
  // elements of the next row, so that they are at hand by then: reads and writes of memory stand together in
  // some passes, and come to memory one row after the other. None where it is not worth asking.
  std::vector<int64_t> best_ahead(const std::vector<int64_t>& kept, const loop::Target& target) const;
  // Whether there is a pass for each of the tensors.
  bool may_ask(const std::vector<int64_t>& ahead) const;
  // The tensors that `pass` asks for.
  std::vector<loop::BufferRef> asked(const std::vector<int64_t>& ahead, size_t pass) const;

 private:
  Index any_row() const;
  // What each pass computes.
  std::vector<std::vector<Value>> roots() const;
  bool is_worth_a_look(const Op& op) const;
  bool may_keep(const Op& op) const;
  bool fits(const std::vector<int64_t>& places, int64_t most) const;
  int64_t bytes_of(Value value) const;
  // Instructions that each pass takes for an element.
  std::vector<int> costs(const std::vector<int64_t>& kept) const;
  std::vector<loop::BufferRef> streams() const;

  int64_t padded_;
  bool in_registers_;
  Tile tile_;
};

}  // namespace sinter::passes
