#pragma once

#include <string_view>

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "passes/options.h"

namespace sinter::passes {

// From graph to loops: simplify, raise, differentiate, simplify, fuse, schedule, plan memory.
loop::Program lower(const graph::Module& module, std::string_view function, const loop::Target& target,
                    const Options& options);

}  // namespace sinter::passes
