#pragma once

#include <vector>

#include "passes/schedule/core/context.h"

namespace sinter::passes {

// The kinds of kernel: the attribute `anchor` of a kernel op.
//   map          elementwise over one domain
//   reduce       reductions over the same axes of one domain, with elementwise work around them
//   contract     one contraction with elementwise work on its operands and its result
//   scatter      one scatter_add with elementwise work on its updates and its result
//   cumsum, top_k  one of these, alone
//   together     several kernels side by side
//   attention, attention_backward  the kernel that raise or differentiate made, and views of what it reads

// The loop nest of a kernel op, its arguments in the order of the op's operands and then its results.
loop::Kernel schedule(const graph::Op& kernel, ScheduleContext& context);
// As part of another, on its buffers.
loop::Kernel schedule(const graph::Op& kernel, ScheduleContext& context, std::vector<loop::BufferRef> inputs,
                      std::vector<loop::BufferRef> outputs);

}  // namespace sinter::passes
