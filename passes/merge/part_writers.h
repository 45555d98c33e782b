#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// What single values are written to state is computed apart from what others read, which may then run beside
// what comes before these: the step of an optimiser, and what its corrections of bias are. What checks stays
// whole.
//
//   %1, %2 = kernel %step {anchor="map"} ...    =>    %1 = kernel %step {anchor="map"} ...
//   write %1 {state="step"}                           %2 = kernel %step {anchor="map"} ...
//                                                     write %1 {state="step"}
void part_writers(graph::Function& function);

}  // namespace sinter::passes
