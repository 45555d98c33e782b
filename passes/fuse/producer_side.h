#pragma once

#include "ir/loop/target.h"
#include "passes/fuse/groups.h"

namespace sinter::passes {

// Forms groups from the first op to the last: an op joins the group that makes what it reads, where
// everything it reads from there stands at one place of the iteration; groups over the same elements that an
// op brings together become one. A group that starts although its first op reads what another makes says why.
void producer_side(Groups& groups, const loop::Target& target);

// One group an op.
void keep_apart(Groups& groups);

}  // namespace sinter::passes
