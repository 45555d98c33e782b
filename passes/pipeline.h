#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "passes/options.h"
#include "passes/pass_list.h"

namespace sinter::passes {

// The passes from a function as it is written to loops for the target, in order.
std::vector<PassCall> pipeline(const loop::Target& target, const Options& options);

// Those before `order`: the function and those it needs, their ops grouped into kernels.
graph::Module to_kernels(const graph::Module& module, std::string_view function, const loop::Target& target,
                         const Options& options);
// Those from there on, which make a program of kernels.
loop::Program to_loops(graph::Module kernels, std::string_view function, const loop::Target& target);

// All of them.
loop::Program lower(const graph::Module& module, std::string_view function, const loop::Target& target,
                    const Options& options);

// What lower() depends on besides the target and the passes themselves, as text.
std::string identity(const graph::Module& module, std::string_view function, const Options& options);

}  // namespace sinter::passes
