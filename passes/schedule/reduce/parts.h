#pragma once

#include <cstdint>

#include "ir/loop/target.h"

namespace sinter::passes {

// A reduction as its schedules for workgroups see it: so many rows of so many elements each, or, where what
// is reduced does not lie side by side, columns, which do.
struct ReductionProblem {
  int64_t rows = 1, length = 1, columns = 1;
  int64_t element_bytes = 4;
  bool is_beside = false;  // a launch that is there anyway has room for the parts

  bool goes_along() const { return columns == 1; }
};

// In how many parts it is done soonest, each of which has as many of `extent` elements of one axis: a divisor
// of `extent`. Few results have few workgroups. 1 where parts are not worth another kernel that combines
// them.
int64_t parts_of_reduction(const ReductionProblem& problem, int64_t extent, const loop::Target& target);

}  // namespace sinter::passes
