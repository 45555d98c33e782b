#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Turns a fused function into a program: each kernel scheduled, the order of steps fixed, every value given
// its place.
//
// Kernels that write state come last, after every other reader of the old value, and write in place where
// they read it element by element; otherwise a copy at the end does. Results live in one arena, whose offsets
// come from their lifetimes over the steps.
loop::Program plan(const graph::Module& module, const graph::Function& function, const loop::Target& target);

}  // namespace sinter::passes
