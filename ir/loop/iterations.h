#pragma once

#include <cstdint>

#include "ir/loop/program.h"

namespace sinter::loop {

// How many iterations the serial loops of one invocation make together at most: of a lane of a workgroup, or
// of an iteration of a parallel loop. A loop counts one more for the test that ends it. What depends on data
// counts at its largest, INT64_MAX where nothing bounds it. Lanes run in step: where they may part, both ways
// count.
int64_t most_iterations(const Kernel& kernel);

}  // namespace sinter::loop
