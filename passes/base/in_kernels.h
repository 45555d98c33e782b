#pragma once

#include <string_view>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Throws GraphError, in the name of a pass that works on kernels, where an op is in none that should be.
void check_kernels(std::string_view pass, const graph::Module& module);

}  // namespace sinter::passes
