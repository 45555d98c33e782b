#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Graph and kernels -> Program: gives every value its place in memory, and each kernel a step that says where
// its arguments lie. `kernels` are those of schedule().
//
// What is written to a state lies there, what a function returns in its output, the carries of a loop where
// they are from one iteration to the next. All else that kernels make lies in one arena, whose offsets come
// from lifetimes over the steps.
//
// Throws GraphError where a function is not as order() leaves it.
loop::Program place(const graph::Module& module, const graph::Function& function, loop::Program kernels,
                    const loop::Target& target);

}  // namespace sinter::passes
