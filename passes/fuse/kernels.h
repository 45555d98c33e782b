#pragma once

#include "passes/fuse/groups.h"

namespace sinter::passes {

// Rewrites the function of `groups` into kernels, in an order that respects what reads what. What is an
// output, is written to state or goes into a scan is then a parameter, a read or a kernel's result, at most
// behind reshapes.
void build_kernels(Groups& groups);

}  // namespace sinter::passes
