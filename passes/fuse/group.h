#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// Groups the ops of every function into kernels.
//
// Needs: primitives only, no grad, no call; what legalize, guard and fit_bindings leave.
// Leaves: parameters, reads, writes, scans, reshapes of what lies in memory, and kernels, each an op with a
// body and an `anchor` that names its schedule.
//
//   %2 = contract %x, %w {dims="mk,kn->mn"}         %5 = kernel %x, %w, %b {anchor="contract"} (...) {
//   %3 = broadcast %b {dims=[1], ...}          =>      %0 = contract %x, %w {dims="mk,kn->mn"}
//   %4 = add %2, %3                                    %1 = broadcast %b ...; %2 = add %0, %1; %3 = max %2, 0
//   %5 = max %4, %zero                                 return %3
//                                                    }
//
// Producer side first: an elementwise op joins the kernel that makes one of its operands, where every value
// it needs from there is at the same place of the iteration; a reduction joins the elementwise kernel it
// reads. Then consumer side: cheap elementwise work that few kernels read is computed again in each of them
// and is not kept. docs/passes.md states the cost rules. A kernel's `apart` says why its first op joined no
// other.
//
// Arguments: "off", one kernel an op; "buffers=N" and "iterations=N", limits other than the target's.
void group(graph::Module& module, const Arguments& arguments, const loop::Target& target);

}  // namespace sinter::passes
