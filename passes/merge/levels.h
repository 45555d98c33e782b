#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Launches one after the other, as levels: the last ones are at level 1, and what is needed is at a higher
// level than what needs it. So kernels at one level do not depend on one another, and as many levels as the
// longest chain of kernels has are enough.
//
// Goes through `clusters`, kernels that are launched together, those that are needed last first, but for
// those that nothing needs and `is_last` holds of: these follow when it is known where all others stand.
// `place` is told between which levels a cluster may stand, and returns where it puts it.
using IsLast = std::function<bool(size_t cluster)>;
using PlaceCluster = std::function<int64_t(size_t cluster, int64_t lowest, int64_t highest)>;
void place_by_levels(const graph::Function& function, const std::vector<std::vector<graph::Op*>>& clusters,
                     const IsLast& is_last, const PlaceCluster& place);

}  // namespace sinter::passes
