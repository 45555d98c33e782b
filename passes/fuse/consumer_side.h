#pragma once

#include "ir/loop/target.h"
#include "passes/fuse/groups.h"

namespace sinter::passes {

// Elementwise work that is computed again where it is read rather than kept in memory: whole kernels of it,
// and single values of a kernel that follow from what its readers read anyway.
void consumer_side(Groups& groups, const loop::Target& target);

}  // namespace sinter::passes
