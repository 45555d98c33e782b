#pragma once

#include <string_view>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Whether the op is between kernels and never in one: it reads what lies in memory.
bool stays_outside_kernels(const graph::Op& op);

// Throws GraphError, in the name of a pass that works on kernels, where an op is in none that should be.
void check_kernels(std::string_view pass, const graph::Module& module);

}  // namespace sinter::passes
