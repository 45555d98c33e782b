#pragma once

#include <cstddef>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// The bytes of a constant op's values, as kernels read them.
std::vector<std::byte> table(const graph::Op& constant);

}  // namespace sinter::passes
