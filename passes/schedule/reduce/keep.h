#pragma once

#include <cstdint>
#include <vector>

#include "passes/schedule/reduce/reduce.h"

namespace sinter::passes {

// The values of a row that later passes over it read rather than compute again, each at the row's own
// elements.
struct Kept {
  graph::Value value;
  size_t first;  // the pass that computes it
  size_t last;   // the last one that reads it
  size_t slot;   // of the memory: values that are read no more give theirs to others of their type
};

// Which values of a schedule's rows may be kept, and which are worth it.
class Keeping : private ReduceSchedule {
 public:
  // Of rows that are padded to a multiple of `lanes`.
  Keeping(const ReduceSchedule& schedule, int64_t lanes);

  // Places in the body of the ops whose values take longer to compute again than to keep, in `most` bytes.
  std::vector<int64_t> best(int64_t most) const;
  // Whether each is needed by several passes, and all fit.
  bool may_keep(const std::vector<int64_t>& places, int64_t most) const;
  // When they are computed and read, and where they lie; without those that no later pass reads.
  std::vector<Kept> plan(const std::vector<int64_t>& places) const;

 private:
  Index any_row() const;
  // What each pass over the row computes; the last one stores outputs and adds to sums of columns.
  std::vector<std::vector<Value>> roots() const;
  bool may_keep(const Op& op) const;
  bool fits(const std::vector<int64_t>& places, int64_t most) const;
  int64_t bytes_of(Value value) const;

  int64_t padded_;
  Tile tile_;
};

}  // namespace sinter::passes
