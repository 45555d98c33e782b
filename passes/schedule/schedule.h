#pragma once

#include <vector>

#include "passes/schedule/core/choice.h"
#include "passes/schedule/core/context.h"

namespace sinter::passes {

// The kinds of kernel: the attribute `anchor` of a kernel op.
//   map          elementwise over one domain
//   reduce       reductions over the same axes of one domain, with elementwise work around them
//   contract     one contraction with elementwise work on its operands and its result
//   scatter      one scatter_add with elementwise work on its updates and its result
//   cumsum, top_k, sort  one of these, alone
//   together     several kernels side by side
//   attention, attention_backward  the kernel that raise or differentiate made, and views of what it reads

// How a kernel op may be made on a machine, best first; of one that is several side by side, nothing: each
// has its own.
std::vector<Choice> choices(const graph::Op& kernel, const loop::Target& target);
// Whether it makes workgroups of `lanes` that work together.
bool is_by_workgroup(const Choice& choice);

// Graph -> kernels: the loop nest of each kernel op of a function, as a program that has no steps yet. They
// are in the order of ops; those of a loop's body stand where it does.
//
//   %0 = kernel %x {anchor="map"} (...)   becomes   kernel exp(in0: f32[8], out out0: f32[8]): ...
//
// Needs functions whose work is in kernels that carry their choices. Kernels that differ in their names and
// in where they were made alone, such as those of a model's layers, share their loops.
loop::Program schedule(const graph::Module& module, const graph::Function& function,
                       const loop::Target& target);

// The loop nest of a kernel op with the choice that it carries, its arguments in the order of the op's
// operands and then its results. A GraphError where the choice does not suit.
loop::Kernel schedule(const graph::Op& kernel, ScheduleContext& context);
// As part of another, on its buffers.
loop::Kernel schedule(const graph::Op& kernel, ScheduleContext& context, std::vector<loop::BufferRef> inputs,
                      std::vector<loop::BufferRef> outputs);

loop::Kernel schedule_together(const graph::Op& kernel, ScheduleContext& context);

}  // namespace sinter::passes
