#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/loop/program.h"

// The parts of a kernel: loop nests that stand side by side, with no order between them. The root of a part,
// below allocations, is the parallel or workgroup loop over its units; without one it is a single unit. The
// units of a kernel are those of its parts, one part after the other.
namespace sinter::loop {

// The parallel or workgroup loop at the root; null where there is none.
Stmt root_loop(const Stmt& part);

// Throws InternalError where the extent is not constant.
int64_t units_of(const Stmt& part);
int64_t units_of(const Kernel& kernel);

// Of the part's workgroups; none where there is no lane loop.
std::optional<int64_t> lanes_of(const Stmt& part);

// The part with a loop over its units, also where it is a single one.
Stmt over_units(const Stmt& part);

// One loop over the units of all parts, which branches to the part that a unit is of. A single part stays as
// it is. The root loops begin at 0.
//
//   parallel for a in 0..4: A                  parallel for unit in 0..7:
//   parallel for b in 0..3: B      becomes       if unit < 4: let a = unit; A
//                                                else: let b = unit - 4; B
Stmt in_one_loop(const std::vector<Stmt>& parts);

}  // namespace sinter::loop
