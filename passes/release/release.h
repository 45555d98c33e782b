#pragma once

#include <optional>
#include <string>

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Puts its definition in the place of attention that would not keep to the target's limits as one kernel: to
// how many buffers it binds, how long its loops are, and, on machines with workgroups, how long the lines of
// queries, keys and values are that a lane or a workgroup can hold.
//
// Needs: no grad. Leaves: composites among primitives, as kernels of attention are defined.
void release(graph::Module& module, graph::Function& function, const loop::Target& target);

// Why it does that to an op; nothing where it does not. `uses` are those of the op's function.
std::optional<std::string> why_released(const graph::Op& op, const graph::ValueMap<int>& uses,
                                        const loop::Target& target);

}  // namespace sinter::passes
