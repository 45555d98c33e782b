#pragma once

#include <string>
#include <string_view>

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "passes/options.h"

namespace sinter::passes {

// The first half of the way: simplify, raise, differentiate, simplify, fuse. The function and those it needs,
// their ops grouped into kernels.
graph::Module to_kernels(const graph::Module& module, std::string_view function, const loop::Target& target,
                         const Options& options);
// The second half: schedule, plan memory.
loop::Program to_loops(const graph::Module& kernels, std::string_view function, const loop::Target& target);

// Both: from graph to loops.
loop::Program lower(const graph::Module& module, std::string_view function, const loop::Target& target,
                    const Options& options);

// What lower() depends on besides the target and the passes themselves, as text.
std::string identity(const graph::Module& module, std::string_view function, const Options& options);

}  // namespace sinter::passes
