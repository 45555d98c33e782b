#pragma once

#include <cstdint>
#include <vector>

namespace sinter::passes {

// A value in the arena: its size, and the first and the last step at which it is alive.
struct Lifetime {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t offset = 0;  // the plan
};

// Gives each an offset, a multiple of `alignment`, so that no two that are alive at one time overlap. Returns
// the arena's size. Largest first, each at the lowest place that is free throughout its life.
int64_t plan_arena(std::vector<Lifetime>& values, int64_t alignment);

}  // namespace sinter::passes
