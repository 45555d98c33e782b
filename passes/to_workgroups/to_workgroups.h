#pragma once

#include "ir/loop/program.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Loop -> Loop: a schedule for threads becomes one for workgroups, where its kernel is not one already. An
// iteration of the parallel loop becomes a lane of a workgroup; the lanes of vector loops become statements
// one after the other, and so do unrolled loops, but for those of schedules for workgroups, which compilers
// unroll.
//
//   parallel for u in 0..100:                workgroup for group in 0..2:
//     vector for v in 0..2:         becomes    lane for lane in 0..64:
//       y[u*2 + v] = x[u*2 + v]                  if group*64 + lane < 100:
//                                                  y[group*128 + lane*2] = x[group*128 + lane*2]
//                                                  y[group*128 + lane*2 + 1] = ...
//
// Lane reductions keep their tree. A kernel without a parallel loop stays without.
loop::Kernel to_workgroups(const loop::Kernel& kernel, const loop::Target& target);
loop::Program to_workgroups(const loop::Program& program, const loop::Target& target);

}  // namespace sinter::passes
